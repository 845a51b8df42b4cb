-- Which ship lay longest at the quay this month?
SELECT ship, MAX(left_at - arrived_at) AS stay
FROM arrivals
WHERE arrived_at >= DATE '2025-01-01'
GROUP BY ship
ORDER BY stay DESC
LIMIT 1;
