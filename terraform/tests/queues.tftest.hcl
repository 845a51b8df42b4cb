# The rate is the tier's, whatever the tier.

mock_provider "google" {
  source = "./tests/mocks"
}

run "of_this_environment" {
  command = plan

  assert {
    condition     = module.queues.names == { for key in ["uploads", "polls", "control"] : key => "fss-${var.deployment}-${key}" }
    error_message = "A queue's name holds the deployment's: it can't be used again for days."
  }

  assert {
    condition     = module.queues.limits["polls"].rate == 500
    error_message = "Unmetered steps don't wait for the tier's rate."
  }

  assert {
    condition     = module.queues.limits["uploads"].rate == jsondecode(file("../shared/tiers.json")).tiers[var.tier].rpm / 60
    error_message = "The uploads queue runs at the tier's rate."
  }
}

run "how_a_queue_repeats" {
  command = plan

  module {
    source = "./modules/queues"
  }

  variables {
    name         = "fss-test"
    region       = "us-central1"
    queues       = { polls = { rate = 5, concurrent = 2 } }
    creators     = {}
    inspectors   = {}
    log_sampling = 0
  }

  assert {
    condition = alltrue([
      for queue in google_cloud_tasks_queue.this :
      queue.retry_config[0].max_attempts == -1 && queue.retry_config[0].min_backoff == "10s" && queue.retry_config[0].max_backoff == "300s"
    ])
    error_message = "A task is repeated, ever more slowly, until its handler is done with it."
  }
  assert {
    condition     = alltrue([for queue in google_cloud_tasks_queue.this : length(queue.stackdriver_logging_config) == 0])
    error_message = "A queue that logs nothing has no block that says so: it isn't returned."
  }
}

run "a_new_project" {
  command = plan

  variables {
    tier                 = "tier3"
    max_upload_instances = 20
  }

  assert {
    condition     = module.upload.service.max_instances == 20
    error_message = "The upload function asks for no more instances than it may have."
  }

  assert {
    condition     = module.queues.limits["uploads"].concurrent == 73 && module.queues.limits["polls"].concurrent == 2
    error_message = "Both queues dispatch less at once where instances are few."
  }
}
