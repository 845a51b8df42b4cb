resource "google_firestore_database" "this" {
  name                              = local.name
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.this]
}

locals {
  # What shared/gateways/database/queries.py asks; a test derives it from there. Everything else is exempt:
  # an index on each of a record's fifty fields would be paid for with every write, and rising
  # timestamps would bound the rate of writes.
  indexed_fields = {
    files = {
      batch_id              = ["ASCENDING"]
      "current.document"    = ["ASCENDING"]
      path                  = ["ASCENDING"]
      removed_in            = ["ASCENDING"]
      rescan                = ["ASCENDING"]
      "schedule.overdue_at" = ["ASCENDING"]
      "schedule.slot"       = ["ASCENDING"]
      status                = ["ASCENDING"]
    }
    batches    = { created_at = ["DESCENDING"] }
    listing    = { index = ["ASCENDING"] }
    operations = {}
    pages      = { index = ["DESCENDING"] }
    ranges     = { start = ["ASCENDING", "DESCENDING"] }
    reconcile  = {}
    window     = { at = ["ASCENDING", "DESCENDING"] }
  }

  # Filters on several fields, and sums over one field of what another selects; "-" is descending.
  composite_indexes = [
    ["files", "batch_id", "requests.metered"],
    ["files", "batch_id", "requests.throttled"],
    ["files", "batch_id", "requests.unmetered"],
    ["files", "batch_id", "status"],
    ["files", "schedule.slot", "schedule.ready_at"],
    ["files", "schedule.slot", "status"],
    ["files", "schedule.task.queue", "status"],
    ["files", "schedule.task.queue", "status", "current.size"],
    ["files", "schedule.task.queue", "status", "desired.size"],
    ["files", "status", "current.size"],
    ["files", "status", "desired.size"],
    ["files", "status", "desired.tokens"],
    ["files", "status", "failure.eligible_at"],
    ["files", "status", "path"],
    ["files", "status", "working.size"],
    ["operations", "path", "-created_at"],
  ]

  # Collections whose documents end by themselves; files, ranges, locks and meta never do.
  expiring = ["batches", "listing", "operations", "pages", "reconcile", "window"]
}

resource "google_firestore_index" "this" {
  for_each = { for index in local.composite_indexes : join("-", index) => index }

  database   = google_firestore_database.this.name
  collection = each.value[0]

  dynamic "fields" {
    for_each = slice(each.value, 1, length(each.value))
    content {
      field_path = trimprefix(fields.value, "-")
      order      = startswith(fields.value, "-") ? "DESCENDING" : "ASCENDING"
    }
  }
}

resource "google_firestore_field" "indexed" {
  for_each = merge([
    for collection, fields in local.indexed_fields :
    { for field, orders in fields : "${collection}-${field}" => { collection = collection, field = field, orders = orders } }
  ]...)

  database   = google_firestore_database.this.name
  collection = each.value.collection
  field      = each.value.field

  index_config {
    dynamic "indexes" {
      for_each = each.value.orders
      content {
        order = indexes.value
      }
    }
  }
}

# "*" is every field of a collection that is not configured by itself.
resource "google_firestore_field" "exempt" {
  for_each = local.indexed_fields

  database   = google_firestore_database.this.name
  collection = each.key
  field      = "*"

  index_config {}
}

resource "google_firestore_field" "expires_at" {
  for_each = toset(local.expiring)

  database   = google_firestore_database.this.name
  collection = each.key
  field      = "expires_at"

  ttl_config {}
  index_config {} # TTL needs no index, and one on rising timestamps would bound the rate of writes
}

# --- who reads and writes it: IAM knows no smaller resource than the project, hence the condition -

locals {
  database_access = {
    title      = "Database ${google_firestore_database.this.name} only"
    expression = "resource.name == \"projects/${var.project_id}/databases/${google_firestore_database.this.name}\""
  }
}

resource "google_project_iam_member" "writes_records" {
  for_each = local.syncing

  project = var.project_id
  role    = "roles/datastore.user"
  member  = each.value

  condition {
    title      = local.database_access.title
    expression = local.database_access.expression
  }
}

resource "google_project_iam_member" "reads_records" {
  project = var.project_id
  role    = "roles/datastore.viewer"
  member  = module.status.member

  condition {
    title      = local.database_access.title
    expression = local.database_access.expression
  }
}
