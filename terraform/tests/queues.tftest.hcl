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
