locals {
  counter = {
    for key in keys(local.counters) :
    key => "logging_googleapis_com:user_${local.metric_prefix}_${key}"
  }

  run       = "monitored_resource=\"cloud_run_revision\""
  any       = "${local.run},service_name=~\"${join("|", values(var.services))}\""
  answered  = "run_googleapis_com:request_count{${local.run},service_name=\"${var.services.dispatcher}\",response_code_class=\"2xx\"}"
  fifth     = "run_googleapis_com:request_count{${local.any},response_code_class=\"5xx\"}"
  completed = "${local.counter.batches_closed}{${local.run},status=~\"completed|completed_with_failures\"}"

  # A window is longer than the span between evaluations, so that no single event is missed.
  events = {
    breaker-open = {
      title    = "Breaker open too long"
      metric   = local.counter.breaker_stayed_open
      severity = "WARNING"
      text     = "Gemini has refused requests for over half an hour; files wait and nothing is lost. Compare the active limits in AI Studio with the tier of this deployment, and look for another user of the same key. A lower tier slows down at once: see Tier change in docs/deploy.md."
    }
    failed-files = {
      title    = "Files failed"
      metric   = local.counter.batches_with_failures
      severity = "WARNING"
      text     = "A sync ended with files that could not be indexed. `fss failures` names each with its reason; those that only ran out of tries come back by themselves."
    }
    drift = {
      title    = "Store and records disagree"
      metric   = local.counter.store_drifted
      severity = "WARNING"
      text     = "The store counts other documents than the records do, and a reconcile could not mend it: most likely someone else keeps documents there. The latest batch names them as findings."
    }
    lease-taken-over = {
      title    = "Sync resumed after a loss"
      metric   = local.counter.leases_taken_over
      severity = "WARNING"
      text     = "A supervisor vanished without a word and the next one went on. Once is a lost instance; again and again is a process that dies: look for the watchdog and for memory in the dispatcher's logs."
    }
    storage-near-cap = {
      title    = "Store nearly full"
      metric   = local.counter.storage_near_cap
      severity = "WARNING"
      text     = "The store nears what its tier allows; imports will be refused when it is full. Delete what is not needed, narrow include and exclude, or move to a higher tier."
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
      text     = "A function ended itself or could not start: a bad setting, or a step that outlived its budget. The log entry says which."
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
        text     = "More than a few requests met a fault of our own infrastructure. Cloud Tasks repeats them, so nothing is lost while it passes; if it stays, look at Firestore's quota and the functions' instances."
        query    = "sum(increase(${local.fifth}[15m])) > 10"
        duration = "0s"
      }
      supervisor-silent = {
        title    = "Nobody supervises"
        severity = "CRITICAL"
        text     = "The dispatcher has answered nothing for over ten minutes, although Cloud Scheduler calls it every minute: syncs stand still. Look at the supervise job's last result, then at the dispatcher's logs."
        query    = "(sum(increase(${local.answered}[10m])) or vector(0)) < 1"
        duration = "300s"
      }
    },
    var.sync_period_hours == null ? {} : {
      # A window of one period, empty for one period more.
      no-completed-sync = {
        title    = "No completed sync in twice its period"
        severity = "ERROR"
        text     = "Changes and deletions in the bucket may not be searchable. `fss status` shows whether a sync runs, waits or was refused; the sync job's last result shows whether it was started."
        query    = "(sum(increase(${local.completed}[${var.sync_period_hours}h])) or vector(0)) < 1"
        duration = "${var.sync_period_hours * 3600}s"
      }
    },
  )
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
    content   = each.value.text
  }

  depends_on = [google_logging_metric.counter]
}
