output "dashboard_url" {
  description = "The dashboard in the console."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.this.id), -1)}?project=${var.project_id}"
}

output "policies" {
  description = "Each alert policy: whom it tells what, and its condition."
  value = {
    for name, policy in google_monitoring_alert_policy.this : name => {
      notification_channels = policy.notification_channels
      documentation         = policy.documentation[0].content
      links                 = policy.documentation[0].links[*].url
      condition             = policy.conditions[0].condition_prometheus_query_language[0]
    }
  }
}

output "metrics" {
  description = "Filter of each log-based metric, by name."
  value       = { for metric in concat(values(google_logging_metric.counter), values(google_logging_metric.figure), [google_logging_metric.freshness]) : metric.name => metric.filter }
}

output "objective" {
  description = "The share of syncs within how many seconds, over how many days, by which metric."
  value = {
    goal    = google_monitoring_slo.freshness.goal
    seconds = google_monitoring_slo.freshness.request_based_sli[0].distribution_cut[0].range[0].max
    days    = google_monitoring_slo.freshness.rolling_period_days
    metric  = google_logging_metric.freshness.name
  }
}
