# What a plan can't know without Google, and the assertions compare: numbers and identities.

mock_data "google_project" {
  defaults = {
    number = "123456789012"
  }
}

override_resource {
  target          = module.build.google_service_account.build
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/build"
    name   = "projects/p/serviceAccounts/build"
    email  = "build@p.iam.gserviceaccount.com"
    member = "serviceAccount:build@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.queues.google_service_account.tasks
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/tasks"
    name   = "projects/p/serviceAccounts/tasks"
    email  = "tasks@p.iam.gserviceaccount.com"
    member = "serviceAccount:tasks@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = google_service_account.scheduler
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/scheduler"
    name   = "projects/p/serviceAccounts/scheduler"
    email  = "scheduler@p.iam.gserviceaccount.com"
    member = "serviceAccount:scheduler@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.dispatcher.google_service_account.this
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/dispatcher"
    name   = "projects/p/serviceAccounts/dispatcher"
    email  = "dispatcher@p.iam.gserviceaccount.com"
    member = "serviceAccount:dispatcher@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.upload.google_service_account.this
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/upload"
    name   = "projects/p/serviceAccounts/upload"
    email  = "upload@p.iam.gserviceaccount.com"
    member = "serviceAccount:upload@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.status.google_service_account.this
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/status"
    name   = "projects/p/serviceAccounts/status"
    email  = "status@p.iam.gserviceaccount.com"
    member = "serviceAccount:status@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.pipeline[0].google_service_account.planner
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/planner"
    name   = "projects/p/serviceAccounts/planner"
    email  = "planner@p.iam.gserviceaccount.com"
    member = "serviceAccount:planner@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = google_service_account.deployer[0]
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/deployer"
    name   = "projects/p/serviceAccounts/deployer"
    email  = "deployer@p.iam.gserviceaccount.com"
    member = "serviceAccount:deployer@p.iam.gserviceaccount.com"
  }
}

mock_data "google_storage_project_service_account" {
  defaults = {
    email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.events[0].google_service_account.events
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/events"
    name   = "projects/p/serviceAccounts/events"
    email  = "events@p.iam.gserviceaccount.com"
    member = "serviceAccount:events@p.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = module.pipeline[0].google_service_account.checker
  override_during = plan
  values = {
    id     = "projects/p/serviceAccounts/checker"
    name   = "projects/p/serviceAccounts/checker"
    email  = "checker@p.iam.gserviceaccount.com"
    member = "serviceAccount:checker@p.iam.gserviceaccount.com"
  }
}
