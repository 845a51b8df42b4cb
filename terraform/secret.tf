# Only the secret: the key is added with gcloud, and neither Terraform nor its state contains it.
resource "google_secret_manager_secret" "gemini_api_key" {
  secret_id           = "${local.name}-gemini-api-key"
  deletion_protection = var.deletion_protection
  version_destroy_ttl = "604800s" # a destroyed version can be restored for a week

  replication {
    auto {}
  }

  depends_on = [terraform_data.services]
}
