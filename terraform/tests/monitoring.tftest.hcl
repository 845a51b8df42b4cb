# Someone is told, and by metrics that exist.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  notification_channels = ["projects/example/notificationChannels/1"]
}

run "alerts" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["breaker-open", "budget-reached", "drift", "failed-files", "function-errors", "function-failures", "lease-taken-over", "other-deployment", "storage-near-cap", "supervisor-silent", "sync-not-finished"],
      keys(module.monitoring.policies),
    )) == 0
    error_message = "Every way to go wrong has an alert."
  }

  assert {
    condition     = alltrue([for alert in ["no-completed-sync", "refusal-repeats", "searchable-too-late"] : contains(keys(module.monitoring.policies), alert) == !var.sync.paused])
    error_message = "A missing sync is told where one is scheduled."
  }

  assert {
    condition     = alltrue([for policy in module.monitoring.policies : policy.notification_channels == var.notification_channels && length(policy.documentation) > 80])
    error_message = "Each alert goes to the channels and says what to do."
  }

  assert {
    condition = alltrue([
      for policy in module.monitoring.policies : alltrue([
        for metric in flatten(regexall("user_([a-z0-9_]+)", policy.condition.query)) :
        contains(keys(module.monitoring.metrics), metric)
      ])
    ])
    error_message = "Each alert asks for a metric that is made."
  }

  assert {
    condition     = alltrue([for filter in module.monitoring.metrics : strcontains(filter, "\"fss-${var.deployment}-dispatcher\"")])
    error_message = "Metrics count this deployment's logs only."
  }

  assert {
    condition     = alltrue([for policy in module.monitoring.policies : policy.condition.disable_metric_validation])
    error_message = "An alert can be made before its metric has a first entry."
  }

  assert {
    condition     = alltrue([for policy in module.monitoring.policies : strcontains(policy.documentation, "docs/operations.md#") && length(policy.links) == 0])
    error_message = "Each alert names its section of the documentation."
  }

  assert {
    condition     = module.monitoring.objective.goal == 0.99 && module.monitoring.objective.seconds == 2 * var.sync.period_hours * 3600
    error_message = "A change is searchable within twice the sync's period, 99 % of the time."
  }

  assert {
    condition     = strcontains(module.monitoring.policies["supervisor-silent"].documentation, "fss-${var.deployment}-supervise")
    error_message = "An alert is made once there is what it watches."
  }
}

run "no_completed_sync" {
  command = plan

  variables {
    sync = { schedule = "0 */4 * * *", period_hours = 4 }
  }

  assert {
    condition = (
      strcontains(module.monitoring.policies["no-completed-sync"].condition.query, "[4h]") &&
      module.monitoring.policies["no-completed-sync"].condition.duration == "14400s"
    )
    error_message = "The alert comes after twice the period: one to look back on, one to wait."
  }

  assert {
    condition     = strcontains(module.monitoring.policies["refusal-repeats"].condition.query, "status=\"refused\"}[720m])")
    error_message = "Refusals that repeat are told apart from a single one."
  }
}

run "a_daily_sync" {
  command = plan

  variables {
    sync = { schedule = "0 6 * * *", period_hours = 24 }
  }

  assert {
    condition = (
      strcontains(module.monitoring.policies["no-completed-sync"].condition.query, "[24h]") &&
      module.monitoring.policies["no-completed-sync"].condition.duration == "3000s" &&
      strcontains(module.monitoring.policies["refusal-repeats"].condition.query, "[1490m]")
    )
    error_message = "An alert looks back and waits for less than 25 hours."
  }
}

run "dashboard" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    name                  = "fss-test"
    services              = { dispatcher = "d", upload = "u", status = "s" }
    queues                = { uploads = "u", polls = "p", control = "c" }
    rate                  = 1
    sync_period_hours     = null
    notification_channels = []
    freshness_hours       = 12
    documentation_url     = null
    supervisor_job        = "j"
  }

  assert {
    condition     = !can(regex("\"[xy]Pos\":0", google_monitoring_dashboard.this.dashboard_json))
    error_message = "A zero that isn't returned would be planned for ever."
  }
}

run "a_budget" {
  command = plan

  variables {
    budget = { billing_account = "012345-6789AB-CDEF01", amount = 100 }
  }

  assert {
    condition     = google_billing_budget.this[0].amount[0].specified_amount[0].units == "100" && google_billing_budget.this[0].all_updates_rule[0].monitoring_notification_channels == tolist(var.notification_channels)
    error_message = "Who hears the alerts hears of the bill too."
  }

  assert {
    condition     = google_billing_budget.this[0].budget_filter[0].projects == toset(["projects/123456789012"])
    error_message = "The budget is this project's."
  }

  assert {
    condition     = contains(local.services, "billingbudgets.googleapis.com")
    error_message = "A budget's service is enabled."
  }
}
