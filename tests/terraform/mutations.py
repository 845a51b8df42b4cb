"""Ways to break the configuration, and the assertion that each must fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of one text in one file.

    Attributes:
        test: The test file that must notice, without its endings; "waits" and "destroy":
            test_waits.py.
        told: Part of what is said then.
        alone: Whether it is tried by itself too, beside together with the others of its test file.
    """

    test: str
    told: str
    file: str
    old: str
    new: str
    alone: bool = False

    def apply(self, configuration: Path) -> None:
        """Change a copy. Raises ``AssertionError`` where the text is not, or not any more."""
        file = configuration / self.file
        text = file.read_text()
        assert self.old in text, f"{self.file} has no {self.old!r}"
        file.write_text(text.replace(self.old, self.new, 1))


FUNCTION = "modules/function/main.tf"
ALERTS = "modules/monitoring/alerts.tf"
METRICS = "modules/monitoring/metrics.tf"
BUILD = "modules/build/main.tf"
DATABASE = "modules/firestore/main.tf"
DATABASE_ACCESS = "modules/firestore/access.tf"
DOCUMENTS = "modules/documents/main.tf"
INDEXES = "modules/firestore/indexes.tf"
QUEUES = "modules/queues/main.tf"

MUTATIONS: dict[str, Mutation] = {
    "another's service account": Mutation(
        "functions",
        "Each function runs as a service account of its own.",
        FUNCTION,
        "service_account_email            = google_service_account.this.email",
        "service_account_email            = var.build.service_account",
        alone=True,
    ),
    "a default account builds": Mutation(
        "functions",
        "Functions are built by the builder, not by a default account.",
        FUNCTION,
        "service_account   = var.build.service_account",
        'service_account   = "default"',
        alone=True,
    ),
    "viewers start syncs": Mutation(
        "functions",
        "The dispatcher is called by Scheduler, its queue and operators only.",
        "functions.tf",
        "    local.people.operators,",
        "    local.people.viewers,",
        alone=True,
    ),
    "Scheduler uploads": Mutation(
        "functions",
        "The upload function is called by its queues only.",
        "functions.tf",
        "invokers        = [module.queues.account.member]",
        "invokers        = [google_service_account.scheduler.member]",
    ),
    "viewers can't see": Mutation(
        "functions",
        "The status function is called by operators and viewers only.",
        "functions.tf",
        "concat(local.people.viewers, ",
        "concat(local.people.operators, ",
    ),
    "one API forgotten": Mutation(
        "functions",
        "Callers are the same on both APIs.",
        FUNCTION,
        "  members        = var.invokers",
        '  members        = ["user:someone@example.com"]',
    ),
    "upload open to the internet": Mutation(
        "functions",
        "The upload function is reached from inside only.",
        "functions.tf",
        "ALLOW_INTERNAL_ONLY",
        "ALLOW_ALL",
        alone=True,
    ),
    "unpinned secret": Mutation(
        "functions",
        "The key comes from the secret, in the version that is pinned.",
        FUNCTION,
        "version    = secret_environment_variables.value.version",
        'version    = "latest"',
        alone=True,
    ),
    "the status function has the key": Mutation(
        "functions",
        "The status function has no key and may read none.",
        "functions.tf",
        "secrets         = {}",
        "secrets         = local.key",
        alone=True,
    ),
    "the key in plain sight": Mutation(
        "functions",
        "The key is never a plain environment variable.",
        "functions.tf",
        "TIER               = var.tier",
        'TIER = var.tier\n      GEMINI_API_KEY = "x"',
        alone=True,
    ),
    "a timeout that the function doesn't know": Mutation(
        "functions",
        "A function knows its own timeout.",
        "functions.tf",
        "timeout_seconds = local.budgets.function_timeout",
        "timeout_seconds = 120",
    ),
    "a name with underscores": Mutation(
        "functions",
        "A name in kebab-case is the Cloud Run service's name too.",
        FUNCTION,
        "name        = var.name #",
        'name        = replace(var.name, "-", "_") #',
    ),
    "an address without the project": Mutation(
        "functions",
        "Functions know each other by the address of their Cloud Run services.",
        "locals.tf",
        "-${data.google_project.this.number}.",
        ".",
    ),
    "a package without its hash": Mutation(
        "functions",
        "Each function is deployed from its own zip, named by its sha256.",
        BUILD,
        '"${each.key}-${filesha256(each.value)}.zip"',
        '"${each.key}.zip"',
    ),
    "too few instances": Mutation(
        "functions",
        "There are instances for all that the queues dispatch at once.",
        "functions.tf",
        "= local.upload_instances",
        "= 2",
    ),
    "documents can be written": Mutation(
        "access",
        "nobody writes them",
        DOCUMENTS,
        '"roles/storage.objectViewer"',
        '"roles/storage.objectAdmin"',
    ),
    "the project that pays can be changed": Mutation(
        "access",
        "Dispatcher and upload function use the project that pays for the documents.",
        DOCUMENTS,
        '"roles/serviceusage.serviceUsageConsumer"',
        '"roles/serviceusage.serviceUsageAdmin"',
    ),
    "another project pays": Mutation(
        "access",
        "Dispatcher and upload function are told which project pays.",
        "functions.tf",
        "{ BILLING_PROJECT = var.documents_bucket.billing_project }",
        "{ BILLING_PROJECT = var.project_id }",
    ),
    "records can be dropped": Mutation(
        "access",
        "Dispatcher and upload function write records; the status function only reads them.",
        DATABASE_ACCESS,
        '"roles/datastore.user"',
        '"roles/datastore.owner"',
    ),
    "every database": Mutation(
        "access",
        "Access to Firestore is to this deployment's database only.",
        DATABASE_ACCESS,
        "resource.name == ",
        "resource.name != ",
        alone=True,
    ),
    "queues can be deleted": Mutation(
        "access",
        "Dispatcher and upload function create tasks; only the dispatcher looks at them.",
        QUEUES,
        '"roles/cloudtasks.viewer"',
        '"roles/cloudtasks.admin"',
    ),
    "somebody else hands tasks the account": Mutation(
        "access",
        "Dispatcher and upload function hand tasks the tasks' account, and no other.",
        QUEUES,
        "for_each = var.creators\n\n  service_account_id",
        'for_each = { all = "allAuthenticatedUsers" }\n\n  service_account_id',
    ),
    "every bucket": Mutation(
        "access",
        "The builder reads the functions' sources only, and writes logs.",
        BUILD,
        "resource.name.startsWith",
        "!resource.name.startsWith",
    ),
    "someone else's bucket taken over": Mutation(
        "access",
        "An existing bucket of documents is only granted on.",
        DOCUMENTS,
        "count = var.create ? 1 : 0",
        "count = 1",
    ),
    "documents deleted with their bucket": Mutation(
        "access",
        "A bucket of documents is private and never deleted with its content.",
        DOCUMENTS,
        "force_destroy               = false",
        "force_destroy               = true",
    ),
    "callers may change the function": Mutation(
        "access",
        "Callers may call, and nothing more.",
        FUNCTION,
        '"roles/run.invoker"',
        '"roles/run.admin"',
    ),
    "the key can be changed": Mutation(
        "access",
        "A function reads the one secret it is given, and can't change it.",
        FUNCTION,
        '"roles/secretmanager.secretAccessor"',
        '"roles/secretmanager.admin"',
    ),
    "one thread": Mutation(
        "access",
        "A process has a thread for each request it is sent.",
        FUNCTION,
        "THREADS = tostring(var.concurrency)",
        'THREADS = "1"',
    ),
    "anybody may be let in": Mutation(
        "access",
        'run "a_public_function_is_refused"... fail',
        "modules/function/variables.tf",
        'setintersection(var.invokers, ["allUsers", "allAuthenticatedUsers"])',
        "setintersection(var.invokers, [])",
        alone=True,
    ),
    "public invoker": Mutation(
        "plan",
        "No function is open to the public.",
        "functions.tf",
        "    local.people.operators,",
        '    ["allUsers"],',
        alone=True,
    ),
    "another address told": Mutation(
        "plan",
        "Operators are told where to look.",
        "outputs.tf",
        "value       = local.url.status",
        "value       = local.url.upload",
    ),
    "tasks given up": Mutation(
        "queues",
        "A task is repeated, ever more slowly, until its handler is done with it.",
        QUEUES,
        "max_attempts = -1",
        "max_attempts = 5",
        alone=True,
    ),
    "a queue without its deployment": Mutation(
        "queues",
        "A queue's name holds the deployment's: it can't be used again for days.",
        QUEUES,
        'name     = "${var.name}-${each.key}"',
        'name     = "fss-${each.key}"',
    ),
    "slow polls": Mutation(
        "queues",
        "Unmetered steps don't wait for the tier's rate.",
        "queues.tf",
        "rate       = 500",
        "rate       = 50",
    ),
    "wrong rate": Mutation(
        "queues",
        "The uploads queue runs at the tier's rate.",
        "queues.tf",
        "local.tier.rpm / 60",
        "local.tier.rpm / 50",
        alone=True,
    ),
    "somebody else's database": Mutation(
        "firestore",
        "Each deployment has a database of its own.",
        DATABASE,
        "name                              = var.name",
        'name                              = "(default)"',
    ),
    "missing index": Mutation(
        "firestore",
        "The pump finds the files that are ready.",
        INDEXES,
        '    ["files", "schedule.slot", "schedule.ready_at"],\n',
        "",
        alone=True,
    ),
    "a window that grows for ever": Mutation(
        "firestore",
        "Old batches and what is theirs, operations and window entries end by themselves.",
        INDEXES,
        '"pages", "reconcile", "window"]',
        '"pages", "reconcile"]',
        alone=True,
    ),
    "rising timestamps indexed": Mutation(
        "firestore",
        "What is not asked for is not indexed, expiry times in particular.",
        INDEXES,
        "index_config {} # TTL",
        'index_config {\n    indexes {\n      order = "ASCENDING"\n    }\n  } # TTL',
    ),
    "one field exempt": Mutation(
        "firestore",
        "Exemptions are for all fields of a collection.",
        INDEXES,
        'field      = "*"',
        'field      = "updated_at"',
    ),
    "a collection indexed whole": Mutation(
        "firestore",
        "Every large collection is exempt.",
        INDEXES,
        "for_each = local.indexed_fields\n",
        'for_each = { for key, of in local.indexed_fields : key => of if key != "ranges" }\n',
    ),
    "protection the wrong way round": Mutation(
        "protection",
        "A protected database survives terraform destroy.",
        DATABASE,
        '"DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"',
        '"DELETE_PROTECTION_DISABLED" : "DELETE_PROTECTION_ENABLED"',
        alone=True,
    ),
    "databases left behind": Mutation(
        "protection",
        "An unprotected database is not left behind.",
        DATABASE,
        '"ABANDON" : "DELETE"',
        '"ABANDON" : "ABANDON"',
    ),
    "prod without history": Mutation(
        "protection",
        "prod.tfvars protects its database and keeps its history.",
        "environments/prod.tfvars",
        "point_in_time_recovery = true",
        "point_in_time_recovery = false",
    ),
    "swapped service account": Mutation(
        "scheduler",
        "Jobs call with a token of Scheduler's account, made for the dispatcher.",
        "scheduler.tf",
        "service_account_email = google_service_account.scheduler.email",
        "service_account_email = google_service_account.tasks.email",
        alone=True,
    ),
    "Scheduler says nothing": Mutation(
        "scheduler",
        "The sync job starts a sync on the environment's schedule and says who asks.",
        "scheduler.tf",
        '{ trigger = "scheduler" }',
        '{ trigger = "http" }',
    ),
    "a supervisor that dawdles": Mutation(
        "scheduler",
        "The supervisor is called every minute, also where syncs are started by hand.",
        "scheduler.tf",
        '"* * * * *"',
        '"*/5 * * * *"',
    ),
    "Scheduler gives up early": Mutation(
        "scheduler",
        "Scheduler waits as long as the dispatcher may take.",
        "scheduler.tf",
        '"${local.budgets.dispatch_deadline}s"',
        '"60s"',
    ),
    "a forgotten alert": Mutation(
        "monitoring",
        "Every way to go wrong has an alert.",
        ALERTS,
        "    drift = {",
        "    drifted = {",
    ),
    "an alert where nothing is scheduled": Mutation(
        "monitoring",
        "A missing sync is told where one is scheduled.",
        "monitoring.tf",
        "var.sync.paused ? null : var.sync.period_hours",
        "1",
    ),
    "nobody is told": Mutation(
        "monitoring",
        "Each alert goes to the channels and says what to do.",
        ALERTS,
        "notification_channels = var.notification_channels",
        "notification_channels = []",
        alone=True,
    ),
    "a metric that isn't there": Mutation(
        "monitoring",
        "Each alert asks for a metric that is made.",
        ALERTS,
        "user_${local.metric_prefix}_${key}",
        "user_${key}",
    ),
    "everybody's logs": Mutation(
        "monitoring",
        "Metrics count this deployment's logs only.",
        METRICS,
        " AND resource.labels.service_name=(${local.services})",
        "",
    ),
    "an alert before its metric": Mutation(
        "monitoring",
        "An alert can be made before its metric has a first entry.",
        ALERTS,
        "disable_metric_validation = true",
        "disable_metric_validation = false",
    ),
    "a smoke test that is turned away": Mutation(
        "pipeline",
        "The smoke test calls what people call.",
        "functions.tf",
        "    module.pipeline[*].deployer_member,\n",
        "",
    ),
    "budgets out of order": Mutation(
        "plan",
        "The budgets don't nest",
        "locals.tf",
        "dispatch_deadline = var.function_timeout_seconds + 5 ",
        "dispatch_deadline = var.function_timeout_seconds - 5 ",
        alone=True,
    ),
    "a claim of another length": Mutation(
        "budgets",
        "A claim outlives the longest dispatch.",
        "locals.tf",
        "max(660, var.function_timeout_seconds + 65)",
        "max(661, var.function_timeout_seconds + 64)",
    ),
    # --- structure: what moved to modules ---------------------------------------------------------
    "a database in the wrong mode": Mutation(
        "firestore",
        "The functions speak to a database in native mode.",
        DATABASE,
        '"FIRESTORE_NATIVE"',
        '"DATASTORE_MODE"',
    ),
    "an unprotected key": Mutation(
        "protection",
        "A protected key survives terraform destroy.",
        "secret.tf",
        "deletion_protection = var.deletion_protection",
        "deletion_protection = !var.deletion_protection",
    ),
    "packages deleted with their bucket": Mutation(
        "protection",
        "Protected packages survive terraform destroy.",
        BUILD,
        "= !var.deletion_protection",
        "= var.deletion_protection",
    ),
    "the status function writes": Mutation(
        "access",
        "Dispatcher and upload function write records; the status function only reads them.",
        DATABASE_ACCESS,
        '"roles/datastore.viewer"',
        '"roles/datastore.user"',
        alone=True,
    ),
    # --- limits of the services -------------------------------------------------------------------
    "a block of zeros": Mutation(
        "queues",
        "A queue that logs nothing has no block that says so: it isn't returned.",
        QUEUES,
        "var.log_sampling > 0 ? [var.log_sampling] : []",
        "[var.log_sampling]",
        alone=True,
    ),
    "a zero on the dashboard": Mutation(
        "monitoring",
        "A zero that isn't returned would be planned for ever.",
        "modules/monitoring/dashboard.tf",
        "if at > 0",
        "if at >= 0",
    ),
    "an alert that looks back too far": Mutation(
        "monitoring",
        "An alert looks back and waits for less than 25 hours.",
        ALERTS,
        "longest_minutes = 24 * 60 + 50",
        "longest_minutes = 48 * 60",
        alone=True,
    ),
    "more instances than the quota": Mutation(
        "queues",
        "The upload function asks for no more instances than it may have.",
        "queues.tf",
        ", var.max_upload_instances)",
        ", 1000)",
        alone=True,
    ),
    "queues that dispatch more than is served": Mutation(
        "queues",
        "Both queues dispatch less at once where instances are few.",
        "queues.tf",
        "min(1, local.upload_slots / sum(values(local.wanted)))",
        "1",
        alone=True,
    ),
    # --- a first apply, and the last --------------------------------------------------------------
    "an agent that sees no repository": Mutation(
        "access",
        "The service agent of Cloud Functions sees the repository of the images.",
        BUILD,
        "@gcf-admin-robot",
        "@serverless-robot-prod",
    ),
    "a proxy for nobody": Mutation(
        "functions",
        "Operators and viewers may see the status function, as the proxy does before it calls.",
        "functions.tf",
        "observers       = local.people.viewers",
        "observers       = []",
        alone=True,
    ),
    "a region where new projects can't build": Mutation(
        "functions",
        "The default region is one in which a new project can build.",
        "variables.tf",
        'default     = "us-central1"',
        'default     = "us-east1"',
    ),
    "packages kept for ever": Mutation(
        "protection",
        "A replaced package is kept for a month, not for ever.",
        BUILD,
        "days_since_noncurrent_time = 30",
        "days_since_noncurrent_time = 3000",
    ),
    "indexes of a kept database dropped": Mutation(
        "protection",
        "A database that survives keeps its indexes and fields.",
        INDEXES,
        "deletion_policy = local.deletion_policy",
        'deletion_policy = "DELETE"',
        alone=True,
    ),
    "zips needed to destroy": Mutation(
        "destroy",
        "filesha256",
        BUILD,
        'fileexists(zip) ? filesha256(zip) : "absent"',
        "filesha256(zip)",
    ),
    "functions before their indexes": Mutation(
        "waits",
        "module.firestore.google_firestore_index.this",
        "modules/firestore/outputs.tf",
        "    google_firestore_index.this,\n",
        "",
    ),
    "functions before their fields": Mutation(
        "waits",
        "module.firestore.google_firestore_field.indexed",
        "modules/firestore/outputs.tf",
        "    google_firestore_field.indexed,\n",
        "",
    ),
    "functions before their grants": Mutation(
        "waits",
        "module.firestore.google_project_iam_member.writes_records",
        "functions.tf",
        "FIRESTORE_DATABASE = module.firestore.name",
        "FIRESTORE_DATABASE = local.name",
    ),
    "functions before they may read documents": Mutation(
        "waits",
        "module.documents.google_storage_bucket_iam_member.reads",
        "functions.tf",
        "module.documents.name",
        "var.documents_bucket.name",
    ),
    "tasks with an account that may not be used yet": Mutation(
        "waits",
        "module.queues.google_service_account_iam_member.acts_as_tasks",
        "modules/queues/outputs.tf",
        "depends_on = [google_service_account_iam_member.acts_as_tasks]",
        "",
    ),
    "an agent that is granted too late": Mutation(
        "waits",
        "module.build.google_artifact_registry_repository_iam_member.agent_reads_images",
        "modules/build/outputs.tf",
        "    google_artifact_registry_repository_iam_member.agent_reads_images,\n",
        "",
    ),
    "services that nothing waits for": Mutation(
        "waits",
        "terraform_data.services",
        "queues.tf",
        "  depends_on = [terraform_data.services]\n",
        "",
    ),
    "an alert before its job": Mutation(
        "waits",
        "google_cloud_scheduler_job.this",
        "monitoring.tf",
        'google_cloud_scheduler_job.this["supervise"].name',
        '"${local.name}-supervise"',
    ),
    # --- who is told ------------------------------------------------------------------------------
    "an alert that says nothing further": Mutation(
        "monitoring",
        "Each alert names its section of the documentation.",
        ALERTS,
        "What to look at and what to do: ${local.section[each.key]}",
        "Good luck.",
    ),
    "a looser promise": Mutation(
        "monitoring",
        "A change is searchable within twice the sync's period, 99 % of the time.",
        "modules/monitoring/objective.tf",
        "goal = 0.99",
        "goal = 0.5",
    ),
    "an alert on another job": Mutation(
        "monitoring",
        "An alert is made once there is what it watches.",
        "monitoring.tf",
        'google_cloud_scheduler_job.this["supervise"].name',
        'google_cloud_scheduler_job.this["sync"].name',
    ),
    "a bill that nobody hears of": Mutation(
        "monitoring",
        "Who hears the alerts hears of the bill too.",
        "budget.tf",
        "units         = tostring(var.budget.amount)",
        'units         = "1000000"',
    ),
    "everybody's bill": Mutation(
        "monitoring",
        "The budget is this project's.",
        "budget.tf",
        'projects = ["projects/${data.google_project.this.number}"]',
        'projects = ["projects/1"]',
    ),
    "a budget without its service": Mutation(
        "monitoring",
        "A budget's service is enabled.",
        "services.tf",
        'var.budget == null ? [] : ["billingbudgets.googleapis.com"]',
        "[]",
    ),
    "a runtime that nobody tried": Mutation(
        "functions",
        "The default runtime is one that the functions were tested with.",
        "variables.tf",
        'default     = "python313"',
        'default     = "python314"',
    ),
}

TRIGGERS = "modules/pipeline/triggers.tf"
ACCOUNTS = "modules/pipeline/accounts.tf"
APPLY = "modules/pipeline/apply.yaml"
PERMISSIONS = "modules/pipeline/steps/permissions.json"

MUTATIONS |= {
    "proposals checked with rights": Mutation(
        "pipeline",
        "A proposal is checked by the checker.",
        TRIGGERS,
        "service_account = google_service_account.checker.id",
        "service_account = google_service_account.planner.id",
        alone=True,
    ),
    "a checker that reads plans": Mutation(
        "pipeline",
        "The checker writes its own log, and may do nothing else.",
        ACCOUNTS,
        'finds the logs"      = { bucket = google_storage_bucket.logs.name',
        'finds the logs"      = { bucket = google_storage_bucket.plans.name',
    ),
    "proposals planned": Mutation(
        "pipeline",
        "What was merged is planned by the planner, and nothing else is.",
        TRIGGERS,
        "    push {",
        "    pull_request {",
        alone=True,
    ),
    "plans applied by who made them": Mutation(
        "pipeline",
        "Only a published plan is applied, by the deployer.",
        TRIGGERS,
        "service_account = google_service_account.deployer.id",
        "service_account = google_service_account.planner.id",
    ),
    "no approval": Mutation(
        "pipeline",
        "An apply waits for approval unless told otherwise.",
        TRIGGERS,
        "approval_required = var.pipeline.approval_required",
        "approval_required = false",
        alone=True,
    ),
    "an apply with the steps of a commit": Mutation(
        "pipeline",
        "The trigger that applies holds its steps itself, and reads none from a commit.",
        TRIGGERS,
        '"Applies the plan that a message names"',
        '"Applies the plan that a message names"\n  filename = "apply.yaml"',
    ),
    "a message that is not read": Mutation(
        "pipeline",
        "The message names object, generation and sha256, and the approver sees where the plan's "
        "text is.",
        TRIGGERS,
        '"$(body.message.attributes.${name})"',
        '"$(body.message.data.${name})"',
    ),
    "an apply that gives up at a lock": Mutation(
        "pipeline",
        "The plan that was fetched is applied, and waits for the state's lock.",
        APPLY,
        "-lock-timeout=10m ../plan.tfplan",
        "../plan.tfplan",
        alone=True,
    ),
    "another plan than its text": Mutation(
        "pipeline",
        "The plan is the text that was approved.",
        APPLY,
        "cmp ../../shown.txt ../../approved.txt ||",
        "true ||",
        alone=True,
    ),
    "an image by its tag": Mutation(
        "pipeline",
        "Images are named by digest.",
        TRIGGERS,
        "substitutions = merge(local.images, {\n    _DEPLOYMENT ",
        'substitutions = merge(local.images, { _PYTHON_IMAGE = "python:3" }, {\n    _DEPLOYMENT ',
    ),
    "an image without a digest": Mutation(
        "pipeline",
        "An image of the builds has no digest: run make images",
        "modules/pipeline/images.json",
        '"digest": "sha256:',
        '"digest": "',
        alone=True,
    ),
    "a planner that reads keys": Mutation(
        "pipeline",
        "The reader's role reads configuration, and no documents, records or keys.",
        PERMISSIONS,
        '"secretmanager.secrets.get"',
        '"secretmanager.secrets.get", "secretmanager.versions.access"',
        alone=True,
    ),
    "a planner that replaces plans": Mutation(
        "pipeline",
        "The planner reads configuration and this deployment's state, adds plans, and publishes "
        "them.",
        ACCOUNTS,
        '"roles/storage.objectCreator"',
        '"roles/storage.objectAdmin"',
    ),
    "a deployer that reads records": Mutation(
        "pipeline",
        "On the project the deployer has the least, and it acts as what it deploys and as itself "
        "only.",
        ACCOUNTS,
        '"roles/datastore.indexAdmin"',
        '"roles/datastore.owner"',
        alone=True,
    ),
    "a deployer that lets others in": Mutation(
        "pipeline",
        "The deployer changes no policy, identity, secret or build.",
        PERMISSIONS,
        '"run.services.update"',
        '"run.services.update", "run.services.setIamPolicy"',
        alone=True,
    ),
    "every queue": Mutation(
        "pipeline",
        "The deployer changes this deployment's functions and queues, each by a grant of its own.",
        ACCOUNTS,
        "  role     = local.role.queues",
        "  role     = local.role.deployer",
    ),
    "everybody's state": Mutation(
        "pipeline",
        "Nobody reaches the state of another deployment.",
        ACCOUNTS,
        "/objects/${var.deployment}/",
        "/objects/",
        alone=True,
    ),
    "approvers who see everything": Mutation(
        "pipeline",
        "An approver reads plans and approves them.",
        ACCOUNTS,
        "member = member, on = local.plan",
        "member = member, on = null",
    ),
}
