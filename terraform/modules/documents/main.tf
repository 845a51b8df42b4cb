# The bucket to sync: created here, or an existing one that is only granted on.

resource "google_storage_bucket" "this" {
  # checkov:skip=CKV_GCP_62: Cloud Audit Logs' data access logs are the project's to switch on
  count = var.create ? 1 : 0

  name                        = var.name
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }
}

resource "google_storage_bucket_iam_member" "reads" {
  for_each = var.readers

  bucket = var.create ? google_storage_bucket.this[0].name : var.name
  role   = "roles/storage.objectViewer"
  member = each.value
}

# Requests to a bucket whose requesters pay name a project, which the caller must be allowed to use.
resource "google_project_iam_member" "uses_billing_project" {
  for_each = var.billing_project == null ? {} : var.readers

  project = var.billing_project
  role    = "roles/serviceusage.serviceUsageConsumer"
  member  = each.value
}
