module "monitoring" {
  source = "./modules/monitoring"

  name       = local.name
  project_id = var.project_id
  services   = { for function in local.functions : function => "${local.name}-${function}" }
  queues     = module.queues.names
  rate       = local.queues.uploads.rate

  # No alert for a missing sync if none is scheduled.
  sync_period_hours     = var.sync.paused ? null : var.sync.period_hours
  notification_channels = var.notification_channels

  depends_on = [google_project_service.this]
}
