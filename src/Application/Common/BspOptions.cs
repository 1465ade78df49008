namespace Bsp.Application.Common;

/// <summary>The whole configuration, read once and validated at start.</summary>
public sealed record BspOptions
{
    /// <summary>Connection of a role that may migrate the directory database; null: this process never migrates.</summary>
    public string? DirectoryOwner { get; init; }

    /// <summary>Connection to the directory database as <c>bsp_app</c>.</summary>
    public required string DirectoryApp { get; init; }

    /// <summary>Shards in the order of the configuration; at least one.</summary>
    public required IReadOnlyList<ShardOptions> Shards { get; init; }

    /// <summary>StackExchange.Redis configuration; null: not configured.</summary>
    public string? Redis { get; init; }

    /// <summary>MongoDB connection; null: the same documents as JSONB in PostgreSQL.</summary>
    public string? Mongo { get; init; }

    /// <summary>Address of ClickHouse's HTTP interface; null: not configured.</summary>
    public string? ClickHouse { get; init; }

    /// <summary>SHA-256 of the platform key: the key itself is not kept.</summary>
    public required byte[] PlatformKeySha256 { get; init; }

    /// <summary>32 bytes; seals new secrets, signs cursors, derives the password of <c>bsp_app</c>.</summary>
    public required byte[] MasterKey { get; init; }

    /// <summary>Earlier master keys, 32 bytes each: they open what was sealed before the rotation and seal nothing.</summary>
    public IReadOnlyList<byte[]> OldMasterKeys { get; init; } = [];

    /// <summary>Meta's side.</summary>
    public required MetaOptions Meta { get; init; }

    /// <summary>How much one caller may ask.</summary>
    public LimitOptions Limits { get; init; } = new();

    /// <summary>Window in which attempts to sign in are counted; 1–3,600 s, 60 s unless set (<c>Bsp:Login:WindowSeconds</c>).</summary>
    public TimeSpan LoginWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Proxies whose X-Forwarded-For is believed; empty: nobody's.</summary>
    public IReadOnlyList<System.Net.IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>After this long an unknown outcome of a send is closed; 5 s to 30 days, 24 h unless set (<c>Bsp:Sending:UnknownDeadlineSeconds</c>).</summary>
    public TimeSpan UnknownDeadline { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Apply schema files before serving.</summary>
    public bool MigrateAtStart { get; init; }

    /// <summary>AutoMapper's licence key; null: it runs without one (see README).</summary>
    public string? AutoMapperLicenseKey { get; init; }
}

/// <param name="Name">As stored in <c>bsp.directory_organizations.shard</c>: a range such as <c>A-M</c>, or <c>default</c>.</param>
/// <param name="Owner">Connection that may migrate; null: never migrated from here.</param>
/// <param name="App">Connection as <c>bsp_app</c>.</param>
public sealed record ShardOptions(string Name, string? Owner, string App);

/// <summary>Meta's Graph API and the platform's own app.</summary>
public sealed record MetaOptions
{
    /// <summary>With the version, without a slash at the end.</summary>
    public required Uri BaseUrl { get; init; }

    /// <summary>Any of these may have signed a webhook (several during a rotation); empty: webhooks of the platform's app are refused.</summary>
    public IReadOnlyList<string> AppSecrets { get; init; } = [];

    /// <summary>What Meta must present in the webhook handshake; null: the handshake is refused.</summary>
    public string? VerifyToken { get; init; }

    /// <summary>How long one call may take; 1 to 60 s, 10 s unless set (<c>Bsp:Meta:TimeoutSeconds</c>). A send without an answer by then is of unknown outcome.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Token buckets; a bucket holds two seconds' worth.</summary>
public sealed record LimitOptions
{
    /// <summary>Requests a second of one API key, 1–100,000.</summary>
    public int KeyPerSecond { get; init; } = 100;

    /// <summary>Requests a second of one organization, all its keys together, 1–1,000,000.</summary>
    public int OrganizationPerSecond { get; init; } = 400;
}
