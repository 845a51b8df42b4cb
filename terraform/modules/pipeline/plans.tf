# Where plans are kept, the topic that says which one to approve, and the logs of checks.

resource "google_pubsub_topic" "plans" {
  # checkov:skip=CKV_GCP_83: a message says where a plan is, and nothing of what it holds
  name = "${var.name}-plans"
}

# plans/ has what was published, and applied.json says what was applied last. Earlier versions of it are
# the history of applies, so the rule leaves it alone.
resource "google_storage_bucket" "plans" {
  # checkov:skip=CKV_GCP_62: Cloud Audit Logs' data access logs are the project's to switch on
  name                        = "${var.project_id}-${var.name}-plans"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 90
      matches_prefix = ["plans/"]
    }
  }
}

# The account that checks may write here and nowhere else.
resource "google_storage_bucket" "logs" {
  # checkov:skip=CKV_GCP_62: it holds logs itself
  # checkov:skip=CKV_GCP_78: a log is written once, and needs no earlier version
  name                        = "${var.project_id}-${var.name}-checks"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 30
    }
  }
}
