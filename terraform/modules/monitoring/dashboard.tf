locals {
  by_service = "sum by (service_name)"

  tiles = [
    {
      title   = "Syncs ended, by status"
      queries = { "{{status}}" = "sum by (status) (increase(${local.counter.batches_closed}{${local.run}}[1h]))" }
    },
    {
      title = "Files, by outcome"
      queries = {
        for key, field in local.figures :
        field => "sum(increase(logging_googleapis_com:user_${local.metric_prefix}_${key}_sum{${local.run}}[1h]))"
      }
    },
    {
      title   = "Tasks waiting, by queue"
      queries = { "{{queue_id}}" = "sum by (queue_id) (cloudtasks_googleapis_com:queue_depth{monitored_resource=\"cloud_tasks_queue\",queue_id=~\"${join("|", values(var.queues))}\"})" }
    },
    {
      title = "Metered dispatches per second, and the tier's limit"
      queries = {
        dispatches = "sum(rate(cloudtasks_googleapis_com:queue_task_attempt_count{monitored_resource=\"cloud_tasks_queue\",queue_id=\"${var.queues.uploads}\"}[5m]))"
        limit      = "vector(${format("%.4g", var.rate)})"
      }
    },
    {
      title = "Breaker openings, files given up"
      queries = {
        "opened by {{cause}}"  = "sum by (cause) (increase(${local.counter.breaker_opened}{${local.run}}[1h]))"
        "{{kind}} failures"    = "sum by (kind) (increase(${local.counter.files_given_up}{${local.run}}[1h]))"
        "supervisors replaced" = "sum(increase(${local.counter.leases_taken_over}{${local.run}}[1h]))"
      }
    },
    {
      title = "Errors"
      queries = {
        "5xx of {{service_name}}" = "${local.by_service} (increase(${local.fifth}[5m]))"
        "logged errors"           = "sum(increase(${local.counter.errors}{${local.run}}[5m]))"
      }
    },
    {
      title   = "Duration, 95th percentile, milliseconds"
      queries = { "{{service_name}}" = "histogram_quantile(0.95, sum by (service_name, le) (rate(run_googleapis_com:request_latencies_bucket{${local.any}}[5m])))" }
    },
    {
      title   = "Instances"
      queries = { "{{service_name}}" = "${local.by_service} (run_googleapis_com:container_instance_count{${local.any}})" }
    },
  ]
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "${var.name}: syncs"
    mosaicLayout = {
      columns = 12
      tiles = [
        # A position of zero is not returned, and would be planned again and again.
        for index, tile in local.tiles : merge({ for name, at in { xPos = index % 2 * 6, yPos = floor(index / 2) * 4 } : name => at if at > 0 }, {
          width  = 6
          height = 4
          widget = {
            title = tile.title
            xyChart = {
              dataSets = [
                for legend, query in tile.queries : {
                  plotType        = "LINE"
                  legendTemplate  = legend
                  timeSeriesQuery = { prometheusQuery = query }
                }
              ]
            }
          }
        })
      ]
    }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.figure]
}
