# "A change in the bucket is searchable within N hours, 99 % of the time", over four weeks. Each sync
# that made something searchable counts once, by its oldest change.

locals {
  goal = 0.99
}

resource "google_monitoring_custom_service" "this" {
  service_id   = var.name
  display_name = "${var.name}: search of the bucket"

  # By now the metric is minutes old, and known to Cloud Monitoring.
  depends_on = [google_monitoring_alert_policy.this]
}

resource "google_monitoring_slo" "freshness" {
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "freshness"
  display_name        = "Searchable within ${var.freshness_hours} hours"
  goal                = local.goal
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.freshness.name}\" resource.type=\"cloud_run_revision\""

      range {
        max = local.freshest
      }
    }
  }
}
