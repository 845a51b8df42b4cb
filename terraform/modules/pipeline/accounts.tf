# Three accounts: what anybody proposes runs as one that may do nothing, what was merged as one that
# changes nothing, and only what was approved as one that changes something. What they may do to each
# type of resource is in steps/permissions.json, which the review of a plan reads too.

resource "google_service_account" "checker" {
  account_id   = "${var.name}-checker"
  display_name = "Checks proposed changes of ${var.deployment}"
}

resource "google_service_account" "planner" {
  account_id   = "${var.name}-planner"
  display_name = "Plans changes of ${var.deployment}"
}

locals {
  access = jsondecode(file("${path.module}/steps/permissions.json"))

  custom_roles = {
    reader = {
      title       = "Reads the configuration of ${var.deployment}"
      permissions = flatten([for type in local.access : type.read if try(type.read_on, "project") == "project"])
    }
    # Jobs, alerts, dashboards and metrics have no IAM policy of their own, and none of these APIs knows
    # conditions. So this one is for the whole project.
    deployer = {
      title       = "Changes jobs, alerts, dashboards and metrics"
      permissions = local.applied_on.project
    }
    functions = {
      title       = "Changes a function of ${var.deployment}"
      permissions = local.applied_on.functions
    }
    queues = {
      title       = "Changes a queue of ${var.deployment}"
      permissions = local.applied_on.queues
    }
  }

  applied_on = {
    for place in ["project", "functions", "queues"] :
    place => flatten([for type in local.access : values(type.apply) if try(type.apply_on, "") == place])
  }

  role = { for key, role in google_project_iam_custom_role.this : key => "projects/${var.project_id}/roles/${role.role_id}" }
}

# A deleted role's id can't be used again for five weeks; Terraform restores the role instead.
resource "google_project_iam_custom_role" "this" {
  for_each = local.custom_roles

  role_id     = "${replace(var.name, "-", "_")}_${each.key}"
  title       = each.value.title
  permissions = sort(distinct(each.value.permissions))
}

# --- on the project ------------------------------------------------------------------------------

locals {
  # Nobody here can change an IAM policy, an identity, a secret or this pipeline: a person does.
  project_grants = merge(
    {
      "planner reads configuration"      = { role = local.role.reader, member = google_service_account.planner.member, condition = null }
      "planner writes logs"              = { role = "roles/logging.logWriter", member = google_service_account.planner.member, condition = null }
      "deployer reads configuration"     = { role = local.role.reader, member = var.deployer.member, condition = null }
      "deployer writes logs"             = { role = "roles/logging.logWriter", member = var.deployer.member, condition = null }
      "deployer changes jobs and alerts" = { role = local.role.deployer, member = var.deployer.member, condition = null }
      "deployer changes indexes" = {
        role   = "roles/datastore.indexAdmin"
        member = var.deployer.member
        condition = {
          title      = "Databases of ${var.deployment} only"
          expression = join(" || ", [for database in var.databases : "resource.name == \"projects/${var.project_id}/databases/${database}\""])
        }
      }
    },
    { for member in var.pipeline.approvers : "${member} approves" => { role = "roles/cloudbuild.builds.approver", member = member, condition = null } },
  )
}

resource "google_project_iam_member" "this" {
  for_each = local.project_grants

  project = var.project_id
  role    = each.value.role
  member  = each.value.member

  dynamic "condition" {
    for_each = each.value.condition == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

# --- on single resources -------------------------------------------------------------------------

resource "google_cloudfunctions2_function_iam_member" "deployer" {
  for_each = var.functions

  cloud_function = each.value
  location       = var.region
  role           = local.role.functions
  member         = var.deployer.member
}

# The role that Google makes for deploying functions has permissions on their services too.
resource "google_cloud_run_v2_service_iam_member" "deployer" {
  for_each = var.functions

  name     = each.value
  location = var.region
  role     = local.role.functions
  member   = var.deployer.member
}

resource "google_cloud_tasks_queue_iam_member" "deployer" {
  for_each = var.queues

  name     = each.value
  location = var.region
  role     = local.role.queues
  member   = var.deployer.member
}

# What it deploys runs as these.
resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each = var.service_accounts

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = var.deployer.member
}

# For the smoke test: the IAM API makes identity tokens of the deployer for the deployer itself.
resource "google_service_account_iam_member" "deployer_makes_tokens" {
  service_account_id = var.deployer.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = var.deployer.member
}

resource "google_pubsub_topic_iam_member" "planner_publishes" {
  topic  = google_pubsub_topic.plans.name
  role   = "roles/pubsub.publisher"
  member = google_service_account.planner.member
}

locals {
  state = "projects/_/buckets/${var.pipeline.state_bucket}"
  plans = "projects/_/buckets/${google_storage_bucket.plans.name}"
  plan  = "resource.name.startsWith(\"${local.plans}/objects/plans/\")"

  # Who may not list a bucket is told of an object that isn't there that it is forbidden.
  record = "resource.name == \"${local.plans}\" || resource.name == \"${local.plans}/objects/applied.json\""

  # Terraform lists the objects of the state's bucket, which is a permission on the bucket.
  own_state = "resource.name == \"${local.state}\" || resource.name.startsWith(\"${local.state}/objects/${var.deployment}/\")"

  bucket_grants = merge(
    {
      "checker writes logs"        = { bucket = google_storage_bucket.logs.name, role = "roles/storage.objectUser", member = google_service_account.checker.member, on = null }
      "checker finds the logs"     = { bucket = google_storage_bucket.logs.name, role = "roles/storage.legacyBucketReader", member = google_service_account.checker.member, on = null }
      "planner reads state"        = { bucket = var.pipeline.state_bucket, role = "roles/storage.objectViewer", member = google_service_account.planner.member, on = local.own_state }
      "planner reads packages"     = { bucket = var.packages_bucket, role = "roles/storage.objectViewer", member = google_service_account.planner.member, on = null }
      "planner writes plans"       = { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectCreator", member = google_service_account.planner.member, on = local.plan }
      "planner reads the record"   = { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectViewer", member = google_service_account.planner.member, on = local.record }
      "deployer writes state"      = { bucket = var.pipeline.state_bucket, role = "roles/storage.objectUser", member = var.deployer.member, on = local.own_state }
      "deployer adds packages"     = { bucket = var.packages_bucket, role = "roles/storage.objectUser", member = var.deployer.member, on = null }
      "deployer reads plans"       = { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectViewer", member = var.deployer.member, on = local.plan }
      "deployer writes the record" = { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectUser", member = var.deployer.member, on = local.record }
    },
    { for member in var.pipeline.approvers : "${member} reads plans" => { bucket = google_storage_bucket.plans.name, role = "roles/storage.objectViewer", member = member, on = local.plan } },
  )
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.bucket_grants

  bucket = each.value.bucket
  role   = each.value.role
  member = each.value.member

  dynamic "condition" {
    for_each = each.value.on == null ? [] : [each.value.on]
    content {
      title      = each.key
      expression = condition.value
    }
  }
}
