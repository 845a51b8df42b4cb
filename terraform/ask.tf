# The function that answers questions, if there are askers. Its account holds the key and reads the
# records of the syncs. What questions cost is in a database of its own, so that it can't change a record.

locals {
  # Known once its field and the grant on it exist, which the function waits for thereby.
  ask_database = one([
    for made in setproduct(google_firestore_field.ask_expires_at[*].database, google_project_iam_member.writes_what_questions_cost[*].project) :
    made[0]
  ])
}

module "ask" {
  source = "./modules/function"
  count  = length(var.askers) > 0 ? 1 : 0

  name        = "${local.name}-ask"
  description = "Answers questions from the documents of the store"
  project_id  = var.project_id
  region      = var.region
  build       = merge(local.build, { object = module.build.packages["ask"] })
  environment = merge(
    local.common_environment,
    {
      ASK_DATABASE            = local.ask_database
      CALLER_SERVICE_ACCOUNTS = local.like_people.ask
    },
    var.max_ask_cost_per_day == null ? {} : { MAX_ASK_COST_PER_DAY = tostring(var.max_ask_cost_per_day) },
  )
  secrets         = local.key
  timeout_seconds = 120 # a model may think for a minute
  instance        = { cpu = 1, memory = "512Mi", concurrency = 8 }
  max_instances   = 3
  ingress         = "ALLOW_ALL" # people call it from anywhere; IAM decides who may
  invokers        = var.askers

  depends_on = [terraform_data.services]
}

resource "google_firestore_database" "ask" {
  count = length(var.askers) > 0 ? 1 : 0

  name                    = "${local.name}-ask"
  location_id             = coalesce(var.firestore_location, var.region)
  type                    = "FIRESTORE_NATIVE"
  concurrency_mode        = "PESSIMISTIC"
  delete_protection_state = "DELETE_PROTECTION_DISABLED" # a day's spending, and nothing that would be missed
  deletion_policy         = "DELETE"

  depends_on = [terraform_data.services]
}

resource "google_firestore_field" "ask_expires_at" {
  count = length(var.askers) > 0 ? 1 : 0

  database   = google_firestore_database.ask[0].name
  collection = "asks"
  field      = "expires_at"

  ttl_config {}
  index_config {}
}

resource "google_project_iam_member" "writes_what_questions_cost" {
  count = length(var.askers) > 0 ? 1 : 0

  project = var.project_id
  role    = "roles/datastore.user"
  member  = module.ask[0].member

  condition {
    title      = "Database ${google_firestore_database.ask[0].name} only"
    expression = "resource.name == \"projects/${var.project_id}/databases/${google_firestore_database.ask[0].name}\""
  }
}
