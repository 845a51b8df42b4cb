# Cloud Build for one deployment: a plan for every pull request, an apply for what was merged.
# There are two accounts, so that a pull request's build can change nothing.

locals {
  triggers = {
    plan = {
      description = "Checks, tests and plans a pull request for ${var.deployment}"
      account     = google_service_account.planner.id
      apply       = "false"
      approval    = false
    }
    apply = {
      description = "Applies what was merged to ${var.deployment}"
      account     = google_service_account.deployer.id
      apply       = "true"
      approval    = var.pipeline.approval_required
    }
  }
}

resource "google_service_account" "planner" {
  account_id   = "${var.name}-planner"
  display_name = "Plans changes of ${var.deployment}"
}

resource "google_service_account" "deployer" {
  account_id   = "${var.name}-deployer"
  display_name = "Applies changes of ${var.deployment}"
}

resource "google_cloudbuild_trigger" "this" {
  for_each = local.triggers

  name            = "${var.name}-${each.key}"
  description     = each.value.description
  location        = var.region
  filename        = "cloudbuild.yaml"
  service_account = each.value.account

  substitutions = {
    _APPLY          = each.value.apply
    _DEPLOYMENT     = var.deployment
    _STATE_BUCKET   = var.pipeline.state_bucket
    _PLANS_BUCKET   = google_storage_bucket.plans.name
    _DISPATCHER_URL = var.dispatcher_url
    _STATUS_URL     = var.status_url
    _DEPLOYER       = google_service_account.deployer.email
  }

  approval_config {
    approval_required = each.value.approval
  }

  repository_event_config {
    repository = var.pipeline.repository

    dynamic "pull_request" {
      for_each = each.key == "plan" ? [1] : []
      content {
        branch          = "^${var.pipeline.branch}$"
        comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
      }
    }

    dynamic "push" {
      for_each = each.key == "apply" ? [1] : []
      content {
        branch = "^${var.pipeline.branch}$"
      }
    }
  }
}

# The plans that were approved and applied are kept.
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
      age = 90
    }
  }
}

# --- what the two may do --------------------------------------------------------------------------

locals {
  # None of these can change the project's own IAM policy. A person applies a change of a grant on
  # the project.
  deployer_roles = [
    "roles/artifactregistry.admin",
    "roles/browser",
    "roles/cloudbuild.builds.editor",
    "roles/cloudfunctions.admin",
    "roles/cloudscheduler.admin",
    "roles/cloudtasks.admin",
    "roles/datastore.owner",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountAdmin",
    "roles/logging.configWriter",
    "roles/logging.logWriter",
    "roles/monitoring.editor",
    "roles/run.admin",
    "roles/secretmanager.admin",
    "roles/serviceusage.serviceUsageAdmin",
    "roles/storage.admin",
  ]
  planner_roles = [
    "roles/iam.securityReviewer",
    "roles/logging.logWriter",
    "roles/viewer", # reads every resource, but not the value of a secret
  ]

  grants = merge(
    { for role in local.deployer_roles : "deployer ${role}" => { role = role, member = google_service_account.deployer.member } },
    { for role in local.planner_roles : "planner ${role}" => { role = role, member = google_service_account.planner.member } },
  )
}

resource "google_project_iam_member" "this" {
  for_each = local.grants

  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}

resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = merge(var.service_accounts, {
    planner  = google_service_account.planner.name
    deployer = google_service_account.deployer.name
  })

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

# For the calls of the smoke test.
resource "google_service_account_iam_member" "deployer_makes_tokens" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = google_service_account.deployer.member
}

locals {
  bucket_grants = {
    "deployer writes state" = { bucket = var.pipeline.state_bucket, role = "roles/storage.objectUser", member = google_service_account.deployer.member }
    "planner reads state"   = { bucket = var.pipeline.state_bucket, role = "roles/storage.objectViewer", member = google_service_account.planner.member }
    "planner keeps plans"   = { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectCreator", member = google_service_account.planner.member }
    "deployer keeps plans"  = { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectCreator", member = google_service_account.deployer.member }
  }
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.bucket_grants

  bucket = each.value.bucket
  role   = each.value.role
  member = each.value.member
}
