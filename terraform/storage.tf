module "documents" {
  source = "./modules/documents"

  name            = var.documents_bucket.name
  create          = var.documents_bucket.create
  location        = var.region
  billing_project = var.documents_bucket.billing_project
  readers         = local.syncing

  depends_on = [terraform_data.services]
}

module "build" {
  source = "./modules/builder"

  project_id          = var.project_id
  project_number      = data.google_project.this.number
  name                = local.name
  region              = var.region
  packages            = { for function in local.functions : function => "${path.module}/${var.packages_dir}/${function}.zip" }
  deletion_protection = var.deletion_protection

  depends_on = [terraform_data.services]
}
