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
      condition             = policy.conditions[0].condition_prometheus_query_language[0]
    }
  }
}

output "metrics" {
  description = "Filter of each log-based metric, by name."
  value       = { for metric in merge(google_logging_metric.counter, google_logging_metric.figure) : metric.name => metric.filter }
}
