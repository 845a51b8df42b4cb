locals {
  # What the tier's rate needs at once.
  wanted = {
    uploads = local.tier.max_concurrent_dispatches
    polls   = min(20, local.tier.max_concurrent_dispatches) # the poller is one of them
  }

  # At a slow tier a step is over before the next one begins: no two share an instance, and a third of
  # a CPU costs less. Elsewhere several share one, since a step mostly waits for the network.
  instances = jsondecode(file("${path.module}/instances.json"))
  upload    = local.instances[local.tier.rpm < local.instances.third_below_rpm ? "third" : "whole"]

  # Enough for all that the two queues dispatch at once, and one more for uneven distribution.
  upload_instances = min(
    ceil(sum(values(local.wanted)) / local.upload.concurrency) + 1,
    floor(var.max_upload_instances / local.upload.cpu),
  )

  # Where the instances are too few, both queues dispatch less at once, in proportion.
  upload_slots = max(1, local.upload_instances - 1) * local.upload.concurrency
  concurrent   = { for queue, wanted in local.wanted : queue => max(1, floor(wanted * min(1, local.upload_slots / sum(values(local.wanted))))) }

  # Rates are set only here; no code changes them.
  queues = {
    uploads = {
      rate       = local.tier.rpm / 60 # a dispatch makes at most one metered request
      concurrent = local.concurrent.uploads
    }
    polls = {
      rate       = 500
      concurrent = local.concurrent.polls
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

  depends_on = [terraform_data.services]
}
