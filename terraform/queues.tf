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

module "queues" {
  source = "./modules/queues"

  name         = local.name
  region       = var.region
  queues       = local.queues
  creators     = local.syncing
  inspectors   = { dispatcher = module.dispatcher.member } # the supervisor looks for lost tasks
  log_sampling = var.queue_log_sampling

  depends_on = [google_project_service.this]
}
