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
      FIRESTORE_DATABASE = local.name
      BUCKET             = var.documents_bucket.name
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
      UPLOADS_QUEUE            = google_cloud_tasks_queue.this["uploads"].name
      POLLS_QUEUE              = google_cloud_tasks_queue.this["polls"].name
      CONTROL_QUEUE            = google_cloud_tasks_queue.this["control"].name
      UPLOAD_URL               = local.url.upload
      DISPATCHER_URL           = local.url.dispatcher
      STATUS_URL               = local.url.status
      TASKS_SERVICE_ACCOUNT    = google_service_account.tasks.email
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

  build = {
    runtime         = var.runtime
    bucket          = google_storage_bucket.packages.name
    repository      = google_artifact_registry_repository.images.id
    service_account = google_service_account.build.id
  }

  people = { operators = var.operators, viewers = distinct(concat(var.operators, var.viewers)) }
}

module "dispatcher" {
  source = "./modules/function"

  name            = "${local.name}-dispatcher"
  description     = "Starts, scans and supervises syncs"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = google_storage_bucket_object.package["dispatcher"].name })
  environment     = local.sync_environment
  secrets         = local.key
  timeout_seconds = local.budgets.function_timeout
  memory          = "1Gi"
  concurrency     = 8
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers = concat(
    [google_service_account.scheduler.member, google_service_account.tasks.member],
    local.people.operators,
    module.pipeline[*].deployer_member,
  )

  depends_on = [
    google_storage_bucket_iam_member.build_reads_packages,
    google_project_iam_member.build_reads_sources,
    google_project_iam_member.build_writes_logs,
    google_artifact_registry_repository_iam_member.build_writes_images,
  ]
}
module "upload" {
  source = "./modules/function"

  name            = "${local.name}-upload"
  description     = "Takes one file one step further"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = google_storage_bucket_object.package["upload"].name })
  environment     = local.sync_environment
  secrets         = local.key
  timeout_seconds = local.budgets.function_timeout
  memory          = "1Gi"
  concurrency     = local.upload_concurrency
  # Enough for all that its two queues dispatch at once, and one more for uneven distribution.
  max_instances = ceil((local.queues.uploads.concurrent + local.queues.polls.concurrent) / local.upload_concurrency) + 1
  ingress       = "ALLOW_INTERNAL_ONLY" # Cloud Tasks of the same project counts as internal
  invokers      = [google_service_account.tasks.member]

  depends_on = [
    google_storage_bucket_iam_member.build_reads_packages,
    google_project_iam_member.build_reads_sources,
    google_project_iam_member.build_writes_logs,
    google_artifact_registry_repository_iam_member.build_writes_images,
  ]
}

locals {
  # The page tells when the next sync starts, if Cloud Scheduler starts any.
  status_environment = merge(
    local.common_environment,
    var.sync.paused ? {} : { SYNC_SCHEDULE = var.sync.schedule, SYNC_TIME_ZONE = var.sync.time_zone },
  )
}

module "status" {
  source = "./modules/function"

  name            = "${local.name}-status"
  description     = "Shows the state of syncs, and changes nothing"
  project_id      = var.project_id
  region          = var.region
  build           = merge(local.build, { object = google_storage_bucket_object.package["status"].name })
  environment     = local.status_environment
  secrets         = {}
  timeout_seconds = 60
  memory          = "512Mi"
  concurrency     = 8
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers        = concat(local.people.viewers, module.pipeline[*].deployer_member)

  depends_on = [
    google_storage_bucket_iam_member.build_reads_packages,
    google_project_iam_member.build_reads_sources,
    google_project_iam_member.build_writes_logs,
    google_artifact_registry_repository_iam_member.build_writes_images,
  ]
}

resource "google_storage_bucket_iam_member" "reads_documents" {
  for_each = local.syncing

  bucket = var.documents_bucket.create ? google_storage_bucket.documents[0].name : var.documents_bucket.name
  role   = "roles/storage.objectViewer"
  member = each.value
}

# Requests to a bucket whose requesters pay name a project, which the caller must be allowed to use.
resource "google_project_iam_member" "uses_billing_project" {
  for_each = var.documents_bucket.billing_project == null ? {} : local.syncing

  project = var.documents_bucket.billing_project
  role    = "roles/serviceusage.serviceUsageConsumer"
  member  = each.value
}
