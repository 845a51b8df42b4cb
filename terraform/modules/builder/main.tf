# What functions are built from, where their images are kept, and who builds them.

resource "google_storage_bucket" "packages" {
  # checkov:skip=CKV_GCP_62: Cloud Audit Logs' data access logs are the project's to switch on
  name                        = "${var.project_id}-${var.name}-packages"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  versioning {
    enabled = true
  }

  # A replaced package is kept for a month; make package makes the same one again from its commit.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 30
    }
  }
}

locals {
  # terraform destroy reads this too, and needs no zips.
  hashes = { for function, zip in var.packages : function => fileexists(zip) ? filesha256(zip) : "absent" }
}

# Named by content: the same zip is the same object, and changed code makes a new revision.
resource "google_storage_bucket_object" "package" {
  for_each = var.packages

  bucket = google_storage_bucket.packages.name
  name   = "${each.key}-${local.hashes[each.key]}.zip"
  source = each.value

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = fileexists(each.value)
      error_message = "There is no ${each.value}: run make package."
    }
  }
}

resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: images contain this repository's code and public packages, nothing confidential
  repository_id = "${var.name}-images"
  description   = "Images that Cloud Build builds of the functions of ${var.name}"
  location      = var.region
  format        = "DOCKER"

  cleanup_policies {
    id     = "keep-the-latest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }
  cleanup_policies {
    id     = "delete-old-ones"
    action = "DELETE"
    condition {
      older_than = "2592000s" # 30 days
    }
  }
}

# --- who builds the images: reads packages, writes images and logs, nothing else -----------------

resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Builds the functions of ${var.name}"
}

resource "google_storage_bucket_iam_member" "build_reads_packages" {
  bucket = google_storage_bucket.packages.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

# Cloud Functions copies a package to this bucket of its own before it builds.
resource "google_project_iam_member" "build_reads_sources" {
  project = var.project_id
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "Sources of functions in ${var.region}"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${var.project_number}-${var.region}/\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "build_writes_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_project_iam_member" "build_writes_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter" # there is no smaller resource to grant it on
  member  = google_service_account.build.member
}

# --- who deploys them: the service agent of Cloud Functions, which has to see the repository ---------

resource "google_artifact_registry_repository_iam_member" "agent_reads_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:service-${var.project_number}@gcf-admin-robot.iam.gserviceaccount.com"
}
