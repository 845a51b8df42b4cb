# Cloud Scheduler calls the dispatcher as this account.
resource "google_service_account" "scheduler" {
  account_id   = "${local.name}-scheduler"
  display_name = "Starts and supervises the syncs of ${var.deployment}"

  depends_on = [terraform_data.services]
}

locals {
  jobs = {
    sync = {
      description = "Starts a sync; while one is running, the dispatcher answers 200"
      schedule    = var.sync.schedule
      time_zone   = var.sync.time_zone
      paused      = var.sync.paused
      path        = "/sync"
      body        = { trigger = "scheduler" }
      retries     = 3
    }
    supervise = {
      description = "Continues a running batch, or begins one that the bucket asked for; costs two reads otherwise"
      schedule    = "* * * * *"
      time_zone   = "Etc/UTC"
      paused      = false # a sync that is started by hand needs it too
      path        = "/control/supervise"
      body        = {}
      retries     = 0 # the next minute is the retry
    }
  }
}

resource "google_cloud_scheduler_job" "this" {
  for_each = local.jobs

  name             = "${local.name}-${each.key}"
  description      = each.value.description
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = each.value.time_zone
  paused           = each.value.paused
  attempt_deadline = "${local.budgets.dispatch_deadline}s"

  retry_config {
    retry_count          = each.value.retries
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    uri         = "${local.url.dispatcher}${each.value.path}"
    http_method = "POST"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode(each.value.body))

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = local.url.dispatcher
    }
  }

  depends_on = [module.dispatcher]
}
