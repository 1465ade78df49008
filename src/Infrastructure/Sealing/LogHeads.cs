using Npgsql;

namespace Bsp.Infrastructure.Sealing;

/// <summary>A day of the log, all organizations together: a row of <c>bsp.log_days</c>.</summary>
internal sealed record DayHead(DateOnly Day, long N, long After, long UpTo, long Events, int Tenants, byte[] Root, byte[] Previous,
    DateTime SealedAt)
{
    public byte[] Head { get; init; } = [];

    public Signed Signed { get; init; } = new("", []);

    public const string Columns = "day, n, after_seq, up_to, events, tenants, root, previous, sealed_at, head, key_id, signature";

    /// <summary>What is hashed and signed.</summary>
    public Canonical Content() => new Canonical().Begin("bsp.log_day.1").Add(Day).Add(N).Add(After).Add(UpTo).Add(Events).Add(Tenants)
        .Hash(Root).Hash(Previous).Add(SealedAt);

    public static DayHead Read(NpgsqlDataReader r) =>
        new(r.GetFieldValue<DateOnly>(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt32(5),
            r.GetFieldValue<byte[]>(6), r.GetFieldValue<byte[]>(7), r.GetDateTime(8))
    {
        Head = r.GetFieldValue<byte[]>(9), Signed = new(r.GetString(10), r.GetFieldValue<byte[]>(11)),
    };
}

/// <summary>A day of one organization: a row of <c>bsp.log_seals</c>.</summary>
/// <param name="Tenant">The organization's id as the log writes it.</param>
/// <param name="Acts">Administrative acts on its trail when it was sealed.</param>
internal sealed record TenantHead(string Tenant, DateOnly Day, long N, long Events, byte[] Root, byte[] Previous, long Acts,
    byte[] ActsHash, DateTime SealedAt)
{
    public byte[] Head { get; init; } = [];

    public Signed Signed { get; init; } = new("", []);

    public const string Columns = "tenant_id, day, n, events, root, previous, acts, acts_hash, sealed_at, head, key_id, signature";

    /// <summary>What is hashed and signed.</summary>
    public Canonical Content() => new Canonical().Begin("bsp.log_seal.1").Add(Tenant).Add(Day).Add(N).Add(Events).Hash(Root).Hash(Previous)
        .Add(Acts).Hash(ActsHash).Add(SealedAt);

    public static TenantHead Read(NpgsqlDataReader r) =>
        new(r.GetString(0), r.GetFieldValue<DateOnly>(1), r.GetInt64(2), r.GetInt64(3), r.GetFieldValue<byte[]>(4),
            r.GetFieldValue<byte[]>(5), r.GetInt64(6), r.GetFieldValue<byte[]>(7), r.GetDateTime(8))
    {
        Head = r.GetFieldValue<byte[]>(9), Signed = new(r.GetString(10), r.GetFieldValue<byte[]>(11)),
    };
}

/// <summary>Hashes that stand for "none yet".</summary>
internal static class NoHead
{
    public static readonly byte[] Bytes = new byte[MerkleRoot.Bytes];
}
