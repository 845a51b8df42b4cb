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

  # Accounts that the deployer assigns to a function, a job or a task.
  service_accounts = {
    build      = module.build.service_account_id
    dispatcher = module.dispatcher.service_account_id
    scheduler  = google_service_account.scheduler.name
    status     = module.status.service_account_id
    tasks      = module.queues.account.name
    upload     = module.upload.service_account_id
  }
}
