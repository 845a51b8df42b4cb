# Metrics of what the functions log. shared/services/events.py names the events; a test compares them.

locals {
  metric_prefix = replace(var.name, "-", "_")

  services = join(" OR ", [for service in values(var.services) : "\"${service}\""])
  logs     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${local.services})"
  freshest = var.freshness_hours * 3600
  real_end = "jsonPayload.event=\"batch_closed\" AND NOT jsonPayload.dry_run=true"

  counters = {
    batches_closed = {
      description = "Syncs that ended, by status"
      filter      = local.real_end
      label       = "status"
    }
    batches_with_failures = {
      description = "Syncs that ended with failed files"
      filter      = "${local.real_end} AND jsonPayload.failed>0"
      label       = null
    }
    batches_with_unreadable = {
      description = "Syncs that ended with files whose read the bucket refuses"
      filter      = "${local.real_end} AND jsonPayload.unreadable>0"
      label       = null
    }
    syncs_measured = {
      description = "Syncs that made changes of the bucket searchable"
      filter      = "${local.real_end} AND jsonPayload.freshness_seconds>=0"
      label       = null
    }
    syncs_late = {
      description = "Syncs that made a change of the bucket searchable later than the objective allows"
      filter      = "${local.real_end} AND jsonPayload.freshness_seconds>${local.freshest}"
      label       = null
    }
    store_drifted = {
      description = "Syncs after which store and records disagreed"
      filter      = "jsonPayload.event=\"store_drifted\""
      label       = null
    }
    breaker_opened = {
      description = "Openings of the circuit breaker, by cause"
      filter      = "jsonPayload.event=\"breaker_opened\""
      label       = "cause"
    }
    # The cooldown doubles with each reopening in a row: 300, 600, 1200 s.
    breaker_stayed_open = {
      description = "Openings of the circuit breaker that follow at least two in a row"
      filter      = "jsonPayload.event=\"breaker_opened\" AND jsonPayload.cooldown_seconds>=1200"
      label       = null
    }
    leases_taken_over = {
      description = "Syncs resumed after their supervisor died"
      filter      = "jsonPayload.event=\"lease_taken_over\""
      label       = null
    }
    stores_cut_over = {
      description = "Moves to another store that were completed"
      filter      = "jsonPayload.event=\"store_cut_over\""
      label       = null
    }
    storage_near_cap = {
      description = "Warnings that the project's stores are near the tier's limit"
      filter      = "jsonPayload.event=\"storage_near_cap\""
      label       = null
    }
    budgets_reached = {
      description = "Syncs that left files waiting because a limit of the deployment was reached"
      filter      = "jsonPayload.event=\"budget_reached\""
      label       = null
    }
    other_deployments = {
      description = "Syncs that found documents of another deployment with the same owner tag"
      filter      = "jsonPayload.event=\"other_deployment\""
      label       = null
    }
    files_given_up = {
      description = "Files that failed, by kind of failure"
      filter      = "jsonPayload.event=\"file_failed\""
      label       = "kind"
    }
    errors = {
      description = "Errors that the functions logged, without syncs that failed"
      filter      = "log_id(\"run.googleapis.com/stderr\") AND severity>=ERROR AND NOT jsonPayload.event=\"batch_closed\""
      label       = null
    }
  }

  # Figures of a sync, logged at its end.
  figures = {
    files_indexed = "indexed"
    files_failed  = "failed"
    files_deleted = "deleted"
  }
}

resource "google_logging_metric" "counter" {
  for_each = local.counters

  name        = "${local.metric_prefix}_${each.key}"
  description = each.value.description
  filter      = "${local.logs} AND ${each.value.filter}"

  label_extractors = each.value.label == null ? null : { (each.value.label) = "EXTRACT(jsonPayload.${each.value.label})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.label == null ? [] : [each.value.label]
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }
}

resource "google_logging_metric" "figure" {
  for_each = local.figures

  name            = "${local.metric_prefix}_${each.key}"
  description     = "Files ${each.value} by each sync"
  filter          = "${local.logs} AND ${local.real_end}"
  value_extractor = "EXTRACT(jsonPayload.${each.value})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 32
      growth_factor      = 2
      scale              = 1
    }
  }
}

# The time from the oldest change that a sync made searchable to the sync's end.
resource "google_logging_metric" "freshness" {
  name            = "${local.metric_prefix}_freshness"
  description     = "Seconds until a change of the bucket was searchable"
  filter          = "${local.logs} AND ${local.counters.syncs_measured.filter}"
  value_extractor = "EXTRACT(jsonPayload.freshness_seconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "s"
  }

  # Half hours up to two days: the objective is a boundary, so no value has to be guessed in a bucket.
  bucket_options {
    linear_buckets {
      num_finite_buckets = 96
      width              = 1800
      offset             = 0
    }
  }
}
