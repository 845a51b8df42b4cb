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

  # The service accounts among those who call a function like people; the functions check each
  # caller's address. IAM decides about users and groups.
  like_people = {
    for function, members in {
      dispatcher = concat(local.people.operators, google_service_account.deployer[*].member)
      status     = concat(local.people.viewers, google_service_account.deployer[*].member)
      ask        = var.askers
    } :
    function => join(",", [for member in members : trimprefix(member, "serviceAccount:") if startswith(member, "serviceAccount:")])
  }

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

  build = merge(module.build.build, { runtime = var.runtime })

  people = { operators = var.operators, viewers = distinct(concat(var.operators, var.viewers)) }
}

module "dispatcher" {
  source = "./modules/function"

  name        = "${local.name}-dispatcher"
  description = "Starts, scans and supervises syncs"
  project_id  = var.project_id
  region      = var.region
  build       = merge(local.build, { object = module.build.packages["dispatcher"] })
  environment = merge(
    local.sync_environment,
    {
      SCHEDULER_SERVICE_ACCOUNT = google_service_account.scheduler.email
      CALLER_SERVICE_ACCOUNTS   = local.like_people.dispatcher
    },
    { for email in module.events[*].email : "EVENTS_SERVICE_ACCOUNT" => email },
  )
  secrets         = local.key
  timeout_seconds = local.budgets.function_timeout
  instance        = local.instances.dispatcher
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers = concat(
    [google_service_account.scheduler.member, module.queues.account.member],
    local.people.operators,
    google_service_account.deployer[*].member,
    module.events[*].member,
  )

  depends_on = [terraform_data.services]
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
  instance        = local.upload
  max_instances   = local.upload_instances
  ingress         = "ALLOW_INTERNAL_ONLY" # Cloud Tasks of the same project counts as internal
  invokers        = [module.queues.account.member]

  depends_on = [terraform_data.services]
}

locals {
  # The page tells when the next sync starts, if Cloud Scheduler starts any.
  status_environment = merge(
    local.common_environment,
    { CALLER_SERVICE_ACCOUNTS = local.like_people.status },
    var.sync.paused ? {} : { SYNC_SCHEDULE = var.sync.schedule, SYNC_TIME_ZONE = var.sync.time_zone },
  )
}

module "status" {
  source = "./modules/function"

  name            = "${local.name}-status"
  description     = "Shows the state of syncs, and changes nothing"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = module.build.packages["status"] })
  environment     = local.status_environment
  secrets         = {}
  timeout_seconds = 60
  instance        = { cpu = 1, memory = "512Mi", concurrency = 8 }
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers        = concat(local.people.viewers, google_service_account.deployer[*].member)
  observers       = local.people.viewers # gcloud run services proxy looks at the service first

  depends_on = [terraform_data.services]
}
