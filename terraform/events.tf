# Asking for it also creates it, in a project that has none yet.
data "google_storage_project_service_account" "this" {
  count = var.events == null ? 0 : 1
}

module "events" {
  source = "./modules/events"
  count  = var.events == null ? 0 : 1

  name           = local.name
  dispatcher_url = local.url.dispatcher
  publisher      = coalesce(var.events.publisher, data.google_storage_project_service_account.this[0].email_address)
  bucket = {
    name    = module.documents.name
    prefix  = var.settings.prefix == null ? "" : var.settings.prefix
    managed = var.documents_bucket.create
  }

  depends_on = [terraform_data.services]
}
