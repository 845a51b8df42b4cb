# A function behind IAM, with a service account of its own and exactly the callers it is given.

resource "google_service_account" "this" {
  account_id   = var.name
  display_name = "Runs ${var.name}"
}

# Before the function: a revision that can't read its secrets doesn't start.
resource "google_secret_manager_secret_iam_member" "this" {
  for_each = var.secrets

  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_cloudfunctions2_function" "this" {
  # checkov:skip=CKV_GCP_124: people call dispatcher and status function from anywhere, with IAM; the upload function is internal
  name        = var.name # only a name in kebab-case is the Cloud Run service's name too
  description = var.description
  location    = var.region

  build_config {
    runtime           = var.build.runtime
    entry_point       = "main"
    service_account   = var.build.service_account
    docker_repository = var.build.repository

    source {
      storage_source {
        bucket = var.build.bucket
        object = var.build.object
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    ingress_settings                 = var.ingress
    timeout_seconds                  = var.timeout_seconds
    available_memory                 = var.memory
    available_cpu                    = "1" # concurrency needs a whole one
    max_instance_request_concurrency = var.concurrency
    min_instance_count               = 0
    max_instance_count               = var.max_instances
    all_traffic_on_latest_revision   = true

    # One process with a thread for each request it is sent.
    environment_variables = merge(var.environment, { THREADS = tostring(var.concurrency), WORKERS = "1" })

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        key        = secret_environment_variables.key
        project_id = var.project_id
        secret     = secret_environment_variables.value.secret
        version    = secret_environment_variables.value.version
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.this]
}

# Callers, on both APIs. Bindings, so that a caller added by hand is removed by the next apply;
# a replaced function has lost them, so they are replaced with it.
resource "google_cloud_run_v2_service_iam_binding" "invokers" {
  name     = google_cloudfunctions2_function.this.name
  location = var.region
  role     = "roles/run.invoker"
  members  = var.invokers

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}

resource "google_cloudfunctions2_function_iam_binding" "invokers" {
  cloud_function = google_cloudfunctions2_function.this.name
  location       = var.region
  role           = "roles/cloudfunctions.invoker"
  members        = var.invokers

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}
