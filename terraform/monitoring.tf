module "monitoring" {
  source = "./modules/monitoring"

  name       = local.name
  project_id = var.project_id
  services   = { for function in local.functions : function => "${local.name}-${function}" }
  queues     = module.queues.names
  rate       = local.queues.uploads.rate

  # No alert for a missing sync if none is scheduled.
  sync_period_hours     = var.sync.paused ? null : var.sync.period_hours
  freshness_hours       = coalesce(var.freshness_hours, 2 * var.sync.period_hours)
  notification_channels = var.notification_channels
  documentation_url     = var.documentation_url

  # Nothing is watched before it is there.
  supervisor_job = google_cloud_scheduler_job.this["supervise"].name

  depends_on = [terraform_data.services]
}
