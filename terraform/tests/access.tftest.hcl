# What each identity may do: the least, on the one resource.

mock_provider "google" {
  source = "./tests/mocks"
}

run "access" {
  command = plan

  assert {
    condition = toset([for grant in module.documents.grants : "${grant.member} ${grant.role} ${grant.on}"]) == toset([
      for name in ["dispatcher", "upload"] :
      "serviceAccount:${name}@p.iam.gserviceaccount.com roles/storage.objectViewer ${var.documents_bucket.name}"
    ])
    error_message = "Dispatcher and upload function read the documents; nobody else does, and nobody writes them."
  }

  assert {
    condition = toset([for grant in module.firestore.grants : "${grant.member} ${grant.role}"]) == toset([
      "serviceAccount:dispatcher@p.iam.gserviceaccount.com roles/datastore.user",
      "serviceAccount:upload@p.iam.gserviceaccount.com roles/datastore.user",
      "serviceAccount:status@p.iam.gserviceaccount.com roles/datastore.viewer",
    ])
    error_message = "Dispatcher and upload function write records; the status function only reads them."
  }

  assert {
    condition     = alltrue([for grant in module.firestore.grants : grant.condition == "resource.name == \"projects/${var.project_id}/databases/fss-${var.deployment}\""])
    error_message = "Access to Firestore is to this deployment's database only."
  }

  assert {
    condition = toset([for grant in module.queues.grants : "${grant.member} ${grant.role} ${grant.on}" if startswith(grant.role, "roles/cloudtasks.")]) == toset(concat(
      [
        for pair in setproduct(["dispatcher", "upload"], ["uploads", "polls", "control"]) :
        "serviceAccount:${pair[0]}@p.iam.gserviceaccount.com roles/cloudtasks.enqueuer fss-${var.deployment}-${pair[1]}"
      ],
      [for queue in ["uploads", "polls", "control"] : "serviceAccount:dispatcher@p.iam.gserviceaccount.com roles/cloudtasks.viewer fss-${var.deployment}-${queue}"],
    ))
    error_message = "Dispatcher and upload function create tasks; only the dispatcher looks at them."
  }

  assert {
    condition = toset([for grant in module.queues.grants : "${grant.member} ${grant.role} ${grant.on}" if !startswith(grant.role, "roles/cloudtasks.")]) == toset([
      for name in ["dispatcher", "upload"] :
      "serviceAccount:${name}@p.iam.gserviceaccount.com roles/iam.serviceAccountUser projects/p/serviceAccounts/tasks"
    ])
    error_message = "Dispatcher and upload function hand tasks the tasks' account, and no other."
  }

  assert {
    condition = toset([for grant in module.build.grants : "${grant.role} ${coalesce(grant.condition, "always")}" if grant.on == var.project_id]) == toset([
      "roles/storage.objectViewer resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-123456789012-${var.region}/\")",
      "roles/logging.logWriter always",
    ])
    error_message = "The builder reads the functions' sources only, and writes logs."
  }

  assert {
    condition     = contains([for grant in module.build.grants : "${grant.member} ${grant.role} ${grant.on}"], "serviceAccount:service-123456789012@gcf-admin-robot.iam.gserviceaccount.com roles/artifactregistry.reader fss-${var.deployment}-images")
    error_message = "The service agent of Cloud Functions sees the repository of the images."
  }

  assert {
    condition     = (module.documents.created != null) == var.documents_bucket.create
    error_message = "An existing bucket of documents is only granted on."
  }
}

run "created_documents_bucket" {
  command = plan

  variables {
    documents_bucket = { name = "documents-to-create", create = true }
  }

  assert {
    condition     = module.documents.created == { uniform_access = true, public_access_prevention = "enforced", force_destroy = false }
    error_message = "A bucket of documents is private and never deleted with its content."
  }
}

run "requesters_pay" {
  command = plan

  variables {
    documents_bucket = { name = "documents-of-others", billing_project = "project-that-pays" }
  }

  assert {
    condition = toset([for grant in module.documents.grants : "${grant.member} ${grant.role}" if grant.on == "project-that-pays"]) == toset([
      for name in ["dispatcher", "upload"] :
      "serviceAccount:${name}@p.iam.gserviceaccount.com roles/serviceusage.serviceUsageConsumer"
    ])
    error_message = "Dispatcher and upload function use the project that pays for the documents."
  }

  assert {
    condition     = local.sync_environment["BILLING_PROJECT"] == "project-that-pays" && !contains(keys(local.common_environment), "BILLING_PROJECT")
    error_message = "Dispatcher and upload function are told which project pays."
  }
}

run "invokers_of_a_function" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name            = "a-function"
    description     = "-"
    build           = { runtime = "python311", bucket = "b", object = "o", repository = "r", service_account = "s" }
    environment     = {}
    secrets         = { KEY = { secret = "a-secret", version = "3" } }
    timeout_seconds = 60
    instance        = { cpu = 1, memory = "512Mi", concurrency = 2 }
    max_instances   = 1
    ingress         = "ALLOW_ALL"
    invokers        = ["user:a@example.com"]
    region          = "us-central1"
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_binding.invokers.role == "roles/run.invoker" && google_cloudfunctions2_function_iam_binding.invokers.role == "roles/cloudfunctions.invoker"
    error_message = "Callers may call, and nothing more."
  }

  assert {
    condition     = google_secret_manager_secret_iam_member.this["KEY"].secret_id == "a-secret" && google_secret_manager_secret_iam_member.this["KEY"].role == "roles/secretmanager.secretAccessor"
    error_message = "A function reads the one secret it is given, and can't change it."
  }

  assert {
    condition     = google_cloudfunctions2_function.this.service_config[0].environment_variables.THREADS == "2"
    error_message = "A process has a thread for each request it is sent."
  }
}

run "a_public_function_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name            = "a-function"
    description     = "-"
    build           = { runtime = "python311", bucket = "b", object = "o", repository = "r", service_account = "s" }
    environment     = {}
    secrets         = {}
    timeout_seconds = 60
    instance        = { cpu = 1, memory = "512Mi", concurrency = 2 }
    max_instances   = 1
    ingress         = "ALLOW_ALL"
    invokers        = ["allUsers"]
    region          = "us-central1"
  }

  expect_failures = [var.invokers]
}

run "a_part_of_a_cpu_for_several_requests_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name            = "a-function"
    description     = "-"
    build           = { runtime = "python311", bucket = "b", object = "o", repository = "r", service_account = "s" }
    environment     = {}
    secrets         = {}
    timeout_seconds = 60
    instance        = { cpu = 0.333, memory = "512Mi", concurrency = 2 }
    max_instances   = 1
    ingress         = "ALLOW_ALL"
    invokers        = ["user:a@example.com"]
    region          = "us-central1"
  }

  expect_failures = [var.instance]
}

run "more_memory_than_a_part_of_a_cpu_can_have_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    name            = "a-function"
    description     = "-"
    build           = { runtime = "python311", bucket = "b", object = "o", repository = "r", service_account = "s" }
    environment     = {}
    secrets         = {}
    timeout_seconds = 60
    instance        = { cpu = 0.333, memory = "1Gi", concurrency = 1 }
    max_instances   = 1
    ingress         = "ALLOW_ALL"
    invokers        = ["user:a@example.com"]
    region          = "us-central1"
  }

  expect_failures = [var.instance]
}
