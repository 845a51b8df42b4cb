# The rate is the tier's, whatever the tier.

mock_provider "google" {
  source = "./tests/mocks"
}

run "of_this_environment" {
  command = plan

  assert {
    condition = alltrue([
      for queue in google_cloud_tasks_queue.this :
      queue.retry_config[0].max_attempts == -1 && queue.retry_config[0].min_backoff == "10s" && queue.retry_config[0].max_backoff == "300s"
    ])
    error_message = "A task is repeated, ever more slowly, until its handler is done with it."
  }

  assert {
    condition     = alltrue([for key, queue in google_cloud_tasks_queue.this : queue.name == "fss-${var.deployment}-${key}"])
    error_message = "A queue's name holds the deployment's: it can't be used again for days."
  }

  assert {
    condition     = google_cloud_tasks_queue.this["polls"].rate_limits[0].max_dispatches_per_second == 500
    error_message = "Unmetered steps don't wait for the tier's rate."
  }

  assert {
    condition     = google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_dispatches_per_second == jsondecode(file("../shared/tiers.json")).tiers[var.tier].rpm / 60
    error_message = "The uploads queue runs at the tier's rate."
  }
}

run "free" {
  command = plan

  variables {
    tier = "free"
  }

  assert {
    condition = (
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_dispatches_per_second == 5 / 60 &&
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_concurrent_dispatches == 2
    )
    error_message = "free: 5 metered requests a minute, 2 dispatches at once."
  }
}

run "tier1" {
  command = plan

  variables {
    tier = "tier1"
  }

  assert {
    condition = (
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_dispatches_per_second == 20 / 60 &&
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_concurrent_dispatches == 5
    )
    error_message = "tier1: 20 metered requests a minute, 5 dispatches at once."
  }
}

run "tier2" {
  command = plan

  variables {
    tier = "tier2"
  }

  assert {
    condition = (
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_dispatches_per_second == 200 / 60 &&
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_concurrent_dispatches == 50
    )
    error_message = "tier2: 200 metered requests a minute, 50 dispatches at once."
  }
}

run "tier3" {
  command = plan

  variables {
    tier = "tier3"
  }

  assert {
    condition = (
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_dispatches_per_second == 2000 / 60 &&
      google_cloud_tasks_queue.this["uploads"].rate_limits[0].max_concurrent_dispatches == 500
    )
    error_message = "tier3: 2000 metered requests a minute, 500 dispatches at once."
  }
}
