# What would go wrong later is refused now.

mock_provider "google" {
  source = "./tests/mocks"
}

run "an_unpinned_key" {
  command = plan

  variables {
    gemini_api_key_version = "latest"
  }

  expect_failures = [var.gemini_api_key_version]
}

run "an_unknown_tier" {
  command = plan

  variables {
    tier = "tier9"
  }

  expect_failures = [var.tier]
}

run "a_name_too_long_for_a_service_account" {
  command = plan

  variables {
    deployment = "fifteen-letters"
  }

  expect_failures = [var.deployment]
}

run "nobody_to_operate_it" {
  command = plan

  variables {
    operators = []
  }

  expect_failures = [var.operators]
}

run "a_public_operator" {
  command = plan

  variables {
    operators = ["allUsers"]
  }

  expect_failures = [var.operators]
}

run "a_public_viewer" {
  command = plan

  variables {
    viewers = ["allAuthenticatedUsers"]
  }

  expect_failures = [var.viewers]
}

run "a_timeout_longer_than_a_task_waits" {
  command = plan

  variables {
    function_timeout_seconds = 1800
  }

  expect_failures = [var.function_timeout_seconds]
}

run "a_sync_less_often_than_daily" {
  command = plan

  variables {
    sync = { schedule = "0 6 * * 1", period_hours = 168 }
  }

  expect_failures = [var.sync]
}

run "a_glob_with_a_comma" {
  command = plan

  variables {
    settings = { include = ["a,b"] }
  }

  expect_failures = [var.settings]
}

run "an_unknown_delete_policy" {
  command = plan

  variables {
    settings = { delete_policy = "sometimes" }
  }

  expect_failures = [var.settings]
}

run "a_channel_by_its_name" {
  command = plan

  variables {
    notification_channels = ["team-mail"]
  }

  expect_failures = [var.notification_channels]
}

run "more_instances_than_a_function_can_have" {
  command = plan

  variables {
    max_upload_instances = 131
  }

  expect_failures = [var.max_upload_instances]
}

run "alerts_that_nobody_hears" {
  command = plan

  variables {
    notification_channels = []
    alerts_to_nobody      = false
  }

  expect_failures = [var.notification_channels]
}

run "a_billing_account_by_its_title" {
  command = plan

  variables {
    budget = { billing_account = "Our billing", amount = 100 }
  }

  expect_failures = [var.budget]
}

run "a_documentation_without_an_address" {
  command = plan

  variables {
    documentation_url = "docs/"
  }

  expect_failures = [var.documentation_url]
}

run "a_freshness_of_nothing" {
  command = plan

  variables {
    freshness_hours = 0
  }

  expect_failures = [var.freshness_hours]
}
