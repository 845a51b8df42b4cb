locals {
  # Rates are set only here; no code changes them.
  queues = {
    uploads = {
      rate       = local.tier.rpm / 60 # a dispatch makes at most one metered request
      concurrent = local.tier.max_concurrent_dispatches
    }
    polls = {
      rate       = 500
      concurrent = 20
    }
    control = {
      rate       = 10
      concurrent = 4
    }
  }
}

# A deleted queue's name can't be used again for three days.
resource "google_cloud_tasks_queue" "this" {
  for_each = local.queues

  name     = "${local.name}-${each.key}"
  location = var.region

  # The service chooses the burst, at least 10; deliveries that come late space their starts.
  rate_limits {
    max_dispatches_per_second = each.value.rate
    max_concurrent_dispatches = each.value.concurrent
  }

  retry_config {
    max_attempts = -1 # unlimited: a task ends when its handler acknowledges it
    min_backoff  = "10s"
    max_backoff  = "300s"
  }

  stackdriver_logging_config {
    sampling_ratio = var.queue_log_sampling
  }

  depends_on = [google_project_service.this]
}

# Cloud Tasks calls the functions as this account.
resource "google_service_account" "tasks" {
  account_id   = "${local.name}-tasks"
  display_name = "Delivers the tasks of ${var.deployment}"

  depends_on = [google_project_service.this]
}

# --- who creates tasks ---------------------------------------------------------------------------

locals {
  queue_grants = merge([
    for queue in keys(local.queues) : merge(
      { for function, member in local.syncing : "${function} creates in ${queue}" => { queue = queue, member = member, role = "roles/cloudtasks.enqueuer" } },
      # Only the supervisor checks whether a task still exists.
      { "dispatcher looks into ${queue}" = { queue = queue, member = local.syncing.dispatcher, role = "roles/cloudtasks.viewer" } },
    )
  ]...)
}

resource "google_cloud_tasks_queue_iam_member" "this" {
  for_each = local.queue_grants

  name     = google_cloud_tasks_queue.this[each.value.queue].name
  location = var.region
  role     = each.value.role
  member   = each.value.member
}

resource "google_service_account_iam_member" "acts_as_tasks" {
  for_each = local.syncing

  service_account_id = google_service_account.tasks.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}
