# Two jobs, both with a token for the dispatcher.

mock_provider "google" {
  source = "./tests/mocks"
}

run "jobs" {
  command = plan

  assert {
    condition = alltrue([
      for job in google_cloud_scheduler_job.this :
      job.http_target[0].oidc_token[0].service_account_email == "scheduler@p.iam.gserviceaccount.com" &&
      job.http_target[0].oidc_token[0].audience == local.url.dispatcher &&
      job.http_target[0].http_method == "POST"
    ])
    error_message = "Jobs call with a token of Scheduler's account, made for the dispatcher."
  }

  assert {
    condition = (
      google_cloud_scheduler_job.this["sync"].http_target[0].uri == "${local.url.dispatcher}/sync" &&
      base64decode(google_cloud_scheduler_job.this["sync"].http_target[0].body) == "{\"trigger\":\"scheduler\"}" &&
      google_cloud_scheduler_job.this["sync"].schedule == var.sync.schedule &&
      google_cloud_scheduler_job.this["sync"].time_zone == var.sync.time_zone &&
      google_cloud_scheduler_job.this["sync"].paused == var.sync.paused
    )
    error_message = "The sync job starts a sync on the environment's schedule and says who asks."
  }

  assert {
    condition = (
      google_cloud_scheduler_job.this["supervise"].http_target[0].uri == "${local.url.dispatcher}/control/supervise" &&
      google_cloud_scheduler_job.this["supervise"].schedule == "* * * * *" &&
      google_cloud_scheduler_job.this["supervise"].paused == false
    )
    error_message = "The supervisor is called every minute, also where syncs are started by hand."
  }

  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.this : tonumber(trimsuffix(job.attempt_deadline, "s")) >= var.function_timeout_seconds])
    error_message = "Scheduler waits as long as the dispatcher may take."
  }
}
