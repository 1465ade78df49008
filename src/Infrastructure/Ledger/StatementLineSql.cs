namespace Bsp.Infrastructure.Ledger;

/// <summary>What decides on which line of a statement a row of <c>transactions t</c> stands, as SQL.</summary>
internal static class StatementLineSql
{
    public const string Kind = """
        CASE WHEN t.metadata ->> 'kind' = 'adjustment' THEN 'adjustment'
             WHEN t.type = 'refund' AND t.category = 'refund' THEN 'topup_refund' WHEN t.type = 'refund' THEN 'refund'
             WHEN t.type = 'credit' AND t.category = 'topup' THEN 'topup' WHEN t.type = 'debit' AND t.category = 'message' THEN 'usage'
             WHEN t.category = 'subscription' THEN 'subscription' ELSE 'adjustment' END
        """;

    public const string PricingCategory = """
        CASE WHEN t.category = 'message' THEN coalesce(nullif(t.metadata ->> 'pricing_category', ''), t.metadata ->> 'category', '')
             ELSE '' END
        """;

    public const string Market = "coalesce(t.metadata ->> 'market', '')";

    public const string AccountId = "coalesce(t.metadata ->> 'account_id', '')";

    public const string EffectiveAt = "coalesce((nullif(t.metadata ->> 'effective_at', ''))::timestamptz, t.created_at)";

    public const string EffectiveMonth = $"to_char({EffectiveAt} AT TIME ZONE 'UTC', 'YYYY-MM')";
}
