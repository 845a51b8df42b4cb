# The records: a database of its own for each deployment.

locals {
  # A database that is kept keeps its indexes and fields: without them it can't be used, and to restore
  # the indexes of fields would index every field of every record.
  deletion_policy = var.deletion_protection ? "ABANDON" : "DELETE"
}

resource "google_firestore_database" "this" {
  name                              = var.name
  location_id                       = var.location
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = local.deletion_policy
}
