# Applies what was approved. The functions know this account before the pipeline knows the functions.
resource "google_service_account" "deployer" {
  count = var.pipeline == null ? 0 : 1

  account_id   = "${local.name}-deployer"
  display_name = "Applies changes of ${var.deployment}"

  depends_on = [terraform_data.services]
}

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

  deployer        = google_service_account.deployer[0]
  databases       = concat([module.firestore.name], google_firestore_database.ask[*].name)
  packages_bucket = module.build.build.bucket
  functions = merge(
    { dispatcher = module.dispatcher.name, upload = module.upload.name, status = module.status.name },
    { for name in module.ask[*].name : "ask" => name },
  )
  queues = module.queues.names

  # Accounts that the deployer assigns to a function, its build, a job or a subscription.
  service_accounts = merge(
    {
      build      = module.build.service_account_id
      dispatcher = module.dispatcher.service_account_id
      scheduler  = google_service_account.scheduler.name
      status     = module.status.service_account_id
      upload     = module.upload.service_account_id
    },
    { for id in module.ask[*].service_account_id : "ask" => id },
    { for id in module.events[*].account_id : "events" => id },
  )

  depends_on = [terraform_data.services]
}
