locals {
  # The indexes that the queries of shared/gateways/database/queries.py need; a test compares them.
  # One is dropped a release after its query: until the functions are replaced, and after a rollback, the
  # code of the release before asks it.
  # All other fields are exempt: an index on each field of a record would make every write more
  # expensive, and indexes on rising timestamps would limit the rate of writes.
  indexed_fields = {
    files = {
      "aside.until"                    = ["ASCENDING"]
      asks_first                       = ["ASCENDING"]
      batch_id                         = ["ASCENDING"]
      "current.document"               = ["ASCENDING"]
      "desired.skip_reason"            = ["ASCENDING"]
      fence                            = ["DESCENDING"]
      "import_accepted.at"             = ["ASCENDING", "DESCENDING"]
      left_in                          = ["ASCENDING"]
      path                             = ["ASCENDING"]
      removed_in                       = ["ASCENDING"]
      rescan                           = ["ASCENDING"]
      "schedule.look_at"               = ["ASCENDING"]
      "schedule.overdue_at"            = ["ASCENDING"]
      "schedule.slot"                  = ["ASCENDING"]
      set_aside_in                     = ["ASCENDING"]
      status                           = ["ASCENDING"]
      "upload_accepted.at"             = ["ASCENDING", "DESCENDING"]
      "working.new_document.failed_at" = ["ASCENDING"]
    }
    batches    = { created_at = ["DESCENDING"], fence = ["DESCENDING"] }
    listing    = { index = ["ASCENDING"] }
    operations = { batch_id = ["ASCENDING"], content_key = ["ASCENDING"], created_at = ["ASCENDING"], raw_file = ["ASCENDING"] }
    pages      = { index = ["DESCENDING"] }
    ranges     = { start = ["ASCENDING", "DESCENDING"] }
    reconcile  = {}
    window     = { at = ["ASCENDING", "DESCENDING"] }
  }

  # Filters on several fields, and sums of one field over what another field selects; "-" is descending.
  composite_indexes = [
    ["files", "asks_first", "path"],
    ["files", "batch_id", "requests.metered"],
    ["files", "batch_id", "requests.throttled"],
    ["files", "batch_id", "requests.unmetered"],
    ["files", "batch_id", "status"],
    ["files", "change", "status"],
    ["files", "change", "status", "desired.tokens"],
    ["files", "desired.skip_reason", "status", "path"],
    ["files", "failure.kind", "status", "path"],
    ["files", "schedule.slot", "desired.tokens"],
    ["files", "schedule.slot", "desired.tokens", "path"],
    ["files", "schedule.slot", "path"],
    ["files", "schedule.slot", "schedule.ready_at"],
    ["files", "schedule.slot", "schedule.ready_at", "path"],
    ["files", "schedule.slot", "status"],
    ["files", "schedule.task.queue", "status"],
    ["files", "schedule.task.queue", "status", "current.size"],
    ["files", "schedule.task.queue", "status", "desired.size"],
    ["files", "schedule.task.queue", "status", "desired.tokens"],
    ["files", "status", "current.size"],
    ["files", "status", "desired.size"],
    ["files", "status", "desired.tokens"],
    ["files", "status", "failure.eligible_at"],
    ["files", "status", "failure.eligible_at", "path"],
    ["files", "status", "path"],
    ["files", "status", "path", "desired.tokens"],
    ["files", "status", "working.size"],
    ["operations", "batch_id", "cost"],
    ["operations", "batch_id", "refused"],
    ["operations", "created_at", "cost"],
    ["operations", "path", "-created_at"],
  ]

  # Collections whose documents expire. Those of files, ranges, locks and meta never do.
  expiring = ["batches", "listing", "operations", "pages", "reconcile", "window"]
}

resource "google_firestore_index" "this" {
  for_each = { for index in local.composite_indexes : join("-", index) => index }

  database        = google_firestore_database.this.name
  deletion_policy = local.deletion_policy
  collection      = each.value[0]

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

  database        = google_firestore_database.this.name
  deletion_policy = local.deletion_policy
  collection      = each.value.collection
  field           = each.value.field

  index_config {
    dynamic "indexes" {
      for_each = each.value.orders
      content {
        order = indexes.value
      }
    }
  }
}

# "*" means every field of a collection that is not configured separately.
resource "google_firestore_field" "exempt" {
  for_each = local.indexed_fields

  database        = google_firestore_database.this.name
  deletion_policy = local.deletion_policy
  collection      = each.key
  field           = "*"

  index_config {}
}

resource "google_firestore_field" "expires_at" {
  for_each = toset(local.expiring)

  database        = google_firestore_database.this.name
  deletion_policy = local.deletion_policy
  collection      = each.key
  field           = "expires_at"

  ttl_config {}
  index_config {} # TTL needs no index, and one on rising timestamps would limit the rate of writes
}
