# Who a function runs as, who builds it, who may call it, and what it is told.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  operators = ["group:operators@example.com"]
  viewers   = ["group:viewers@example.com"]
}

run "functions" {
  command = plan

  assert {
    condition = {
      for name, function in { dispatcher = module.dispatcher, upload = module.upload, status = module.status } :
      name => function.service.service_account
      } == {
      dispatcher = "dispatcher@p.iam.gserviceaccount.com"
      upload     = "upload@p.iam.gserviceaccount.com"
      status     = "status@p.iam.gserviceaccount.com"
    }
    error_message = "Each function runs as a service account of its own."
  }

  assert {
    condition = alltrue([
      for function in [module.dispatcher, module.upload, module.status] :
      function.build.service_account == "projects/p/serviceAccounts/build"
    ])
    error_message = "Functions are built by the builder, not by a default account."
  }

  assert {
    condition = toset(module.dispatcher.invokers.run) == toset([
      "serviceAccount:scheduler@p.iam.gserviceaccount.com",
      "serviceAccount:tasks@p.iam.gserviceaccount.com",
      "group:operators@example.com",
    ])
    error_message = "The dispatcher is called by Scheduler, its queue and operators only."
  }

  assert {
    condition     = toset(module.upload.invokers.run) == toset(["serviceAccount:tasks@p.iam.gserviceaccount.com"])
    error_message = "The upload function is called by its queues only."
  }

  assert {
    condition     = toset(module.status.invokers.run) == toset(["group:operators@example.com", "group:viewers@example.com"])
    error_message = "The status function is called by operators and viewers only."
  }

  assert {
    condition = alltrue([
      for function in [module.dispatcher, module.upload, module.status] : toset(function.invokers.run) == toset(function.invokers.functions)
    ])
    error_message = "Callers are the same on both APIs."
  }

  assert {
    condition     = module.upload.service.ingress == "ALLOW_INTERNAL_ONLY"
    error_message = "The upload function is reached from inside only."
  }

  assert {
    condition = alltrue([
      for function in [module.dispatcher, module.upload] :
      function.service.secrets == { GEMINI_API_KEY = var.gemini_api_key_version }
    ])
    error_message = "The key comes from the secret, in the version that is pinned."
  }

  assert {
    condition     = length(module.status.service.secrets) == 0 && module.status.readable_secrets == {}
    error_message = "The status function has no key and may read none."
  }

  assert {
    condition = alltrue([
      for function in [module.dispatcher, module.upload, module.status] :
      !contains(keys(function.service.environment), "GEMINI_API_KEY")
    ])
    error_message = "The key is never a plain environment variable."
  }

  assert {
    condition = alltrue([
      for function in [module.dispatcher, module.upload] :
      function.service.timeout_seconds == tonumber(function.service.environment.FUNCTION_TIMEOUT_SECONDS)
    ])
    error_message = "A function knows its own timeout."
  }

  assert {
    condition = alltrue([
      for name, function in { dispatcher = module.dispatcher, upload = module.upload, status = module.status } :
      function.name == "fss-${var.deployment}-${name}" && can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", function.name))
    ])
    error_message = "A name in kebab-case is the Cloud Run service's name too."
  }

  assert {
    condition = (
      module.dispatcher.service.environment.DISPATCHER_URL == "https://fss-${var.deployment}-dispatcher-123456789012.${var.region}.run.app" &&
      module.dispatcher.service.environment.UPLOAD_URL == "https://fss-${var.deployment}-upload-123456789012.${var.region}.run.app"
    )
    error_message = "Functions know each other by the address of their Cloud Run services."
  }

  assert {
    condition = alltrue([
      for name, function in { dispatcher = module.dispatcher, upload = module.upload, status = module.status } :
      function.build.object == "${name}-${filesha256("${path.module}/${var.packages_dir}/${name}.zip")}.zip"
    ])
    error_message = "Each function is deployed from its own zip, named by its sha256."
  }

  assert {
    condition = alltrue([
      for function in [module.dispatcher, module.upload, module.status] :
      contains(keys(function.build.environment), "SOURCE_DATE_EPOCH")
    ])
    error_message = "No start of a function compiles its modules again."
  }

  assert {
    condition = (
      module.upload.service.max_instances * module.upload.service.concurrency
      >= module.queues.limits["uploads"].concurrent + module.queues.limits["polls"].concurrent
    )
    error_message = "There are instances for all that the queues dispatch at once."
  }

  assert {
    condition = (
      toset(try(module.status.observers["roles/run.viewer"], [])) == toset(["group:operators@example.com", "group:viewers@example.com"]) &&
      module.dispatcher.observers == {} && module.upload.observers == {}
    )
    error_message = "Operators and viewers may see the status function, as the proxy does before it calls."
  }

  assert {
    condition     = contains(["us-central1", "us-west2", "europe-west1", "asia-east1", "australia-southeast1", "southamerica-east1"], var.region)
    error_message = "The default region is one in which a new project can build."
  }

  assert {
    condition     = contains(["python311", "python313"], var.runtime)
    error_message = "The default runtime is one that the functions were tested with."
  }
}
