# The task queues, and the account as which Cloud Tasks calls the functions.

# A deleted queue's name can't be used again for three days.
resource "google_cloud_tasks_queue" "this" {
  for_each = var.queues

  name     = "${var.name}-${each.key}"
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

  # A block of nothing but zeros is read back as absent, and would be planned again and again.
  dynamic "stackdriver_logging_config" {
    for_each = var.log_sampling > 0 ? [var.log_sampling] : []
    content {
      sampling_ratio = stackdriver_logging_config.value
    }
  }
}

resource "google_service_account" "tasks" {
  account_id   = "${var.name}-tasks"
  display_name = "Delivers the tasks of ${var.name}"
}

# --- who creates tasks ---------------------------------------------------------------------------

locals {
  grants = merge([
    for queue in keys(var.queues) : merge(
      { for key, member in var.creators : "${key} creates in ${queue}" => { queue = queue, member = member, role = "roles/cloudtasks.enqueuer" } },
      { for key, member in var.inspectors : "${key} looks into ${queue}" => { queue = queue, member = member, role = "roles/cloudtasks.viewer" } },
    )
  ]...)
}

resource "google_cloud_tasks_queue_iam_member" "this" {
  for_each = local.grants

  name     = google_cloud_tasks_queue.this[each.value.queue].name
  location = var.region
  role     = each.value.role
  member   = each.value.member
}

resource "google_service_account_iam_member" "acts_as_tasks" {
  for_each = var.creators

  service_account_id = google_service_account.tasks.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}
