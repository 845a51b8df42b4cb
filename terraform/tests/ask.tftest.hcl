# The ask function exists for askers only, holds the key, and can change no record.

mock_provider "google" {
  source = "./tests/mocks"
}

run "nobody_asks" {
  command = plan

  assert {
    condition = (
      length(module.ask) == 0 && length(google_firestore_database.ask) == 0 &&
      length(google_project_iam_member.writes_what_questions_cost) == 0 && output.ask_url == null
    )
    error_message = "Without askers there is no ask function, and nothing that belongs to it."
  }
}

run "askers" {
  command = plan

  variables {
    askers               = ["group:readers@example.com"]
    max_ask_cost_per_day = 5
  }

  assert {
    condition = (
      toset(module.ask[0].invokers.run) == toset(["group:readers@example.com"]) &&
      toset(module.ask[0].invokers.functions) == toset(["group:readers@example.com"])
    )
    error_message = "Askers call the ask function, and nobody else does."
  }

  assert {
    condition     = module.ask[0].service.secrets == { GEMINI_API_KEY = var.gemini_api_key_version }
    error_message = "The key comes from the secret, in the version that is pinned."
  }

  assert {
    condition = (
      module.ask[0].service.environment.MAX_ASK_COST_PER_DAY == "5" &&
      module.ask[0].service.environment.ASK_DATABASE == "fss-${var.deployment}-ask" &&
      module.ask[0].service.environment.FIRESTORE_DATABASE == "fss-${var.deployment}"
    )
    error_message = "It is told its limit, and which database is its own."
  }

  assert {
    condition     = endswith(google_project_iam_member.writes_what_questions_cost[0].condition[0].expression, "/databases/fss-${var.deployment}-ask\"")
    error_message = "It writes to its own database only."
  }

  assert {
    condition     = module.ask[0].build.object == "ask-${filesha256("${path.module}/${var.packages_dir}/ask.zip")}.zip"
    error_message = "It is deployed from its own zip."
  }

  assert {
    condition     = strcontains(output.ask_url, "fss-${var.deployment}-ask-")
    error_message = "Its address is told."
  }
}

run "an_asker_is_a_person_or_an_account" {
  command = plan

  variables {
    askers = ["allUsers"]
  }

  expect_failures = [var.askers]
}
