locals {
  counter = {
    for key in keys(local.counters) :
    key => "logging_googleapis_com:user_${local.metric_prefix}_${key}"
  }

  run       = "monitored_resource=\"cloud_run_revision\""
  any       = "${local.run},service_name=~\"${join("|", values(var.services))}\""
  answered  = "run_googleapis_com:request_count{${local.run},service_name=\"${var.services.dispatcher}\",response_code_class=\"2xx\"}"
  fifth     = "run_googleapis_com:request_count{${local.any},response_code_class=\"5xx\"}"
  refused   = "${local.counter.batches_closed}{${local.run},status=\"refused\"}"
  completed = "${local.counter.batches_closed}{${local.run},status=~\"completed|completed_with_failures\"}"

  # An alert's look-back and duration together stay below 25 hours: longer ones are in preview.
  # With a period of 24 hours a sync may end 50 minutes later than the one before.
  longest_minutes = 24 * 60 + 50
  overdue = var.sync_period_hours == null ? null : {
    look_back = "${var.sync_period_hours}h"
    wait      = "${min(var.sync_period_hours * 60, local.longest_minutes - var.sync_period_hours * 60) * 60}s"
    told      = 2 * var.sync_period_hours <= 24 ? "${2 * var.sync_period_hours} hours" : "24 hours and 50 minutes"
  }

  # Each window is longer than the time between evaluations, so that no event is missed.
  events = {
    breaker-open = {
      title    = "Breaker open too long"
      metric   = local.counter.breaker_stayed_open
      severity = "WARNING"
      text     = "The breaker has opened at least three times in a row, or Gemini asked for a wait of 20 minutes or more. Files wait, and nothing is lost. Compare the active limits in AI Studio with the tier of this deployment, and look for another user of the same key's project. A lower tier slows down at once: see Tier change in docs/deploy.md."
    }
    failed-files = {
      title    = "Files failed"
      metric   = local.counter.batches_with_failures
      severity = "WARNING"
      text     = "A sync ended with files that could not be indexed. `fss failures` names each with its reason. Those that only ran out of tries are tried again by themselves."
    }
    unreadable-files = {
      title    = "Files that can't be read"
      metric   = local.counter.batches_with_unreadable
      severity = "WARNING"
      text     = "A sync ended with objects that it may list but not read: by an ACL, a condition of IAM, or a key that is disabled or customer-supplied. The store keeps what it holds of them. The summary's skips name them; they are tried again by themselves once one of them can be read."
    }
    drift = {
      title    = "Store and records disagree"
      metric   = local.counter.store_drifted
      severity = "WARNING"
      text     = "The store counts other documents than the records, and a reconcile could not repair that: most likely somebody else keeps documents in the store. The latest batch names them as findings."
    }
    lease-taken-over = {
      title    = "Sync resumed after a loss"
      metric   = local.counter.leases_taken_over
      severity = "WARNING"
      text     = "A supervisor died, and the next one took over. Once means a lost instance. Repeatedly means a process that keeps dying: look for the watchdog and for memory errors in the dispatcher's logs."
    }
    storage-near-cap = {
      title    = "Store nearly full"
      metric   = local.counter.storage_near_cap
      severity = "WARNING"
      text     = "The project's stores hold nine tenths of what the tier allows. Files that no longer fit are not uploaded and wait. Delete documents or stores that are not needed, narrow include and exclude, or move to a higher tier."
    }
    budget-reached = {
      title    = "Import budget used up"
      metric   = local.counter.budgets_reached
      severity = "WARNING"
      text     = "Files wait because max_cost_per_day or max_imports_per_sync is reached. The next quota day, or the next sync, continues with them. `fss status` shows what was spent and what is left. Look for a file that keeps changing; if the work is intended, raise the limit."
    }
    other-deployment = {
      title    = "Another deployment on the same store"
      metric   = local.counter.other_deployments
      severity = "ERROR"
      text     = "The store holds documents with this deployment's owner tag that none of its imports made: most likely a second deployment of the same bucket, prefix and name, with a database of its own, so that both pay for each change. Imports stop. Stop the other one, then run `fss reconcile`."
    }
    sync-not-finished = {
      title    = "Sync refused or failed"
      metric   = "${local.counter.batches_closed}{${local.run},status=~\"refused|failed\"}"
      severity = "ERROR"
      text     = "A guard refused a sync, or Gemini refused the account. `fss status` says what and how to go on."
    }
    function-errors = {
      title    = "Errors in the functions' logs"
      metric   = local.counter.errors
      severity = "ERROR"
      text     = "A function ended itself or could not start, because of an invalid setting or a step that outlived its time. The log entry says which."
    }
  }

  alerts = merge(
    {
      for key, event in local.events : key => {
        title    = event.title
        severity = event.severity
        text     = event.text
        query    = "sum(increase(${strcontains(event.metric, "{") ? event.metric : "${event.metric}{${local.run}}"}[15m])) > 0"
        duration = "0s"
      }
    },
    {
      function-failures = {
        title    = "Functions answer with 5xx"
        severity = "ERROR"
        text     = "More than ten requests in 15 minutes met a fault of the deployment's own infrastructure. Cloud Tasks repeats them, so nothing is lost if it passes. If it stays, look at Firestore's quota and the functions' instances."
        query    = "sum(increase(${local.fifth}[15m])) > 10"
        duration = "0s"
      }
      supervisor-silent = {
        title    = "Nobody supervises"
        severity = "CRITICAL"
        text     = "The dispatcher has answered no request successfully for over ten minutes, although Cloud Scheduler calls it every minute: syncs stand still. Look at the last result of the job ${var.supervisor_job}, then at the dispatcher's logs."
        query    = "(sum(increase(${local.answered}[10m])) or vector(0)) < 1"
        duration = "300s"
      }
    },
    var.sync_period_hours == null ? {} : {
      searchable-too-late = {
        title    = "Changes are searchable too late"
        severity = "WARNING"
        text     = "In the last 24 hours more than ${format("%g", 100 * (1 - local.goal))} % of the syncs made a change searchable later than ${var.freshness_hours} hours after it was made in the bucket. The summaries of these syncs show what they waited for."
        query    = "sum(increase(${local.counter.syncs_late}{${local.run}}[24h])) / sum(increase(${local.counter.syncs_measured}{${local.run}}[24h])) > ${1 - local.goal}"
        duration = "0s"
      }
      refusal-repeats = {
        title    = "Syncs are refused again and again"
        severity = "CRITICAL"
        text     = "At least two syncs in a row were refused, so the store falls behind the bucket until somebody decides. `fss status` shows the figures of the guard, and the call that allows them."
        query    = "sum(increase(${local.refused}[${min(3 * var.sync_period_hours * 60, local.longest_minutes)}m])) > 1.5"
        duration = "0s"
      }
      # A window of one period that has been empty for one more period, or for as long as an alert can wait.
      no-completed-sync = {
        title    = "No completed sync for too long"
        severity = "ERROR"
        text     = "No sync was completed in ${local.overdue.told}. Changes and deletions in the bucket may not be searchable. `fss status` shows whether a sync runs, waits or was refused; the sync job's last result shows whether it was started."
        query    = "(sum(increase(${local.completed}[${local.overdue.look_back}])) or vector(0)) < 1"
        duration = local.overdue.wait
      }
    },
  )
}

locals {
  # Each alert's section of docs/operations.md has its title.
  section = {
    for key, alert in local.alerts :
    key => "${coalesce(var.documentation_url, "docs")}/operations.md#${replace(replace(lower(alert.title), "/[^a-z0-9 -]/", ""), " ", "-")}"
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true # a metric exists only after its first entry
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "${var.name}: ${each.value.title}"
    content   = "${each.value.text}\n\nWhat to look at and what to do: ${local.section[each.key]}"

    dynamic "links" {
      for_each = var.documentation_url == null ? [] : [local.section[each.key]]
      content {
        display_name = "What to look at and what to do"
        url          = links.value
      }
    }
  }

  depends_on = [google_logging_metric.counter]
}
