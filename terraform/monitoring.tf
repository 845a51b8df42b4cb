module "monitoring" {
  source = "./modules/monitoring"

  name       = local.name
  project_id = var.project_id
  services   = { for function in ["dispatcher", "upload", "status"] : function => "${local.name}-${function}" }
  queues     = { for key, queue in google_cloud_tasks_queue.this : key => queue.name }
  rate       = local.queues.uploads.rate

  # No alert for a missing sync if none is scheduled.
  sync_period_hours     = var.sync.paused ? null : var.sync.period_hours
  notification_channels = var.notification_channels

  depends_on = [google_project_service.this]
}
