module "pipeline" {
  source = "./modules/pipeline"
  count  = var.pipeline == null ? 0 : 1

  name                = local.name
  deployment          = var.deployment
  project_id          = var.project_id
  region              = var.region
  pipeline            = var.pipeline
  deletion_protection = var.deletion_protection
  dispatcher_url      = local.url.dispatcher
  status_url          = local.url.status

  database        = google_firestore_database.this.name
  packages_bucket = google_storage_bucket.packages.name
  functions       = { dispatcher = module.dispatcher.name, upload = module.upload.name, status = module.status.name }
  queues          = { for key, queue in google_cloud_tasks_queue.this : key => queue.name }

  # Accounts that the deployer assigns to a function, its build or a job.
  service_accounts = {
    build      = google_service_account.build.name
    dispatcher = module.dispatcher.service_account_id
    scheduler  = google_service_account.scheduler.name
    status     = module.status.service_account_id
    upload     = module.upload.service_account_id
  }
}
