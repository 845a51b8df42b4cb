output "dashboard_url" {
  description = "The dashboard in the console."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.this.id), -1)}?project=${var.project_id}"
}

output "policies" {
  description = "The alert policies, with all their attributes."
  value       = google_monitoring_alert_policy.this
}

output "metrics" {
  description = "Filter of each log-based metric, by name."
  value       = { for metric in merge(google_logging_metric.counter, google_logging_metric.figure) : metric.name => metric.filter }
}
