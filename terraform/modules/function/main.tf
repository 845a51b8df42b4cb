# A function behind IAM, with its own service account and exactly the callers given.

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
  # checkov:skip=CKV_GCP_124: people call the dispatcher and the status function from anywhere, and IAM checks them; the upload function is internal
  name        = var.name # only a kebab-case name is also the Cloud Run service's name
  description = var.description
  location    = var.region

  build_config {
    runtime           = var.build.runtime
    entry_point       = "main"
    service_account   = var.build.service_account
    docker_repository = var.build.repository

    # The build compiles the modules, and the image dates every file anew. With this, bytecode knows its
    # module by the content and not by the date, so no start compiles it again.
    environment_variables = { SOURCE_DATE_EPOCH = "315532800" }

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
    available_memory                 = var.instance.memory
    available_cpu                    = tostring(var.instance.cpu)
    max_instance_request_concurrency = var.instance.concurrency
    min_instance_count               = 0
    max_instance_count               = var.max_instances
    all_traffic_on_latest_revision   = true

    # One process, with one thread per concurrent request.
    environment_variables = merge(var.environment, { THREADS = tostring(var.instance.concurrency), WORKERS = "1" })

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

# Callers, on both APIs. They are bindings, so that the next apply removes a caller added by hand.
# A replaced function loses them, so they are replaced with it.
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

resource "google_cloud_run_v2_service_iam_binding" "observers" {
  count = length(var.observers) > 0 ? 1 : 0

  name     = google_cloudfunctions2_function.this.name
  location = var.region
  role     = "roles/run.viewer"
  members  = var.observers

  lifecycle {
    replace_triggered_by = [google_cloudfunctions2_function.this.id]
  }
}
