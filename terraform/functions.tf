locals {
  # The functions that sync: both use the key, the documents, the records and the queues.
  syncing = {
    dispatcher = module.dispatcher.member
    upload     = module.upload.member
  }

  # Each setting becomes the environment variable of its name. shared/domain/deployment/settings.py
  # splits lists at their commas.
  settings = {
    for name, value in var.settings : upper(name) => try(join(",", value), tostring(value))
    if value != null
  }

  common_environment = merge(
    {
      PROJECT_ID         = var.project_id
      FIRESTORE_DATABASE = module.firestore.name
      BUCKET             = module.documents.name
      DEPLOYMENT         = var.deployment
      TIER               = var.tier
    },
    { for name in ["PREFIX", "LOG_LEVEL"] : name => local.settings[name] if contains(keys(local.settings), name) },
  )

  sync_environment = merge(
    local.common_environment,
    local.settings,
    {
      LOCATION                 = var.region
      UPLOADS_QUEUE            = module.queues.names["uploads"]
      POLLS_QUEUE              = module.queues.names["polls"]
      CONTROL_QUEUE            = module.queues.names["control"]
      UPLOAD_URL               = local.url.upload
      DISPATCHER_URL           = local.url.dispatcher
      STATUS_URL               = local.url.status
      TASKS_SERVICE_ACCOUNT    = module.queues.account.email
      FUNCTION_TIMEOUT_SECONDS = tostring(local.budgets.function_timeout)
    },
    var.documents_bucket.billing_project == null ? {} : { BILLING_PROJECT = var.documents_bucket.billing_project },
  )

  key = {
    GEMINI_API_KEY = {
      secret  = google_secret_manager_secret.gemini_api_key.secret_id
      version = var.gemini_api_key_version
    }
  }

  # Requests that one upload instance serves at once: a step mostly waits for the network.
  upload_concurrency = 4

  build = merge(module.build.build, { runtime = var.runtime })

  people = { operators = var.operators, viewers = distinct(concat(var.operators, var.viewers)) }
}

module "dispatcher" {
  source = "./modules/function"

  name            = "${local.name}-dispatcher"
  description     = "Starts, scans and supervises syncs"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = module.build.packages["dispatcher"] })
  environment     = local.sync_environment
  secrets         = local.key
  timeout_seconds = local.budgets.function_timeout
  memory          = "1Gi"
  concurrency     = 8
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers = concat(
    [google_service_account.scheduler.member, module.queues.account.member],
    local.people.operators,
    module.pipeline[*].deployer_member,
  )

  depends_on = [google_project_service.this]
}

module "upload" {
  source = "./modules/function"

  name            = "${local.name}-upload"
  description     = "Takes one file one step further"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = module.build.packages["upload"] })
  environment     = local.sync_environment
  secrets         = local.key
  timeout_seconds = local.budgets.function_timeout
  memory          = "1Gi"
  concurrency     = local.upload_concurrency
  # Enough for all that its two queues dispatch at once, and one more for uneven distribution.
  max_instances = ceil((local.queues.uploads.concurrent + local.queues.polls.concurrent) / local.upload_concurrency) + 1
  ingress       = "ALLOW_INTERNAL_ONLY" # Cloud Tasks of the same project counts as internal
  invokers      = [module.queues.account.member]

  depends_on = [google_project_service.this]
}

module "status" {
  source = "./modules/function"

  name            = "${local.name}-status"
  description     = "Shows the state of syncs, and changes nothing"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = module.build.packages["status"] })
  environment     = local.common_environment
  secrets         = {}
  timeout_seconds = 60
  memory          = "512Mi"
  concurrency     = 8
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers        = concat(local.people.viewers, module.pipeline[*].deployer_member)

  depends_on = [google_project_service.this]
}
