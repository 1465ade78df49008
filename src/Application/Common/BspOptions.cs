namespace Bsp.Application.Common;

/// <summary>The whole configuration, read once and validated at start.</summary>
public sealed record BspOptions
{
    /// <summary>Connection of a role that may migrate the directory database; null: this process never migrates.</summary>
    public string? DirectoryOwner { get; init; }

    /// <summary>Connection to the directory database as <c>bsp_app</c>.</summary>
    public required string DirectoryApp { get; init; }

    /// <summary>
    /// Past a pooler to the directory, as <c>bsp_app</c> (<c>ConnectionStrings:DirectoryDirect</c>); null: <see cref="DirectoryApp"/> has
    /// none before it.
    /// </summary>
    public string? DirectoryDirect { get; init; }

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

    /// <summary>Connections to each database, by what they are for.</summary>
    public PoolOptions Pools { get; init; } = new();

    /// <summary>Whether messages cost their senders anything.</summary>
    public BillingOptions Billing { get; init; } = new();

    /// <summary>What files that are being taken in may occupy.</summary>
    public UploadOptions Uploads { get; init; } = new();

    /// <summary>Where files lie that organizations and their customers send, and how many.</summary>
    public MediaOptions Media { get; init; } = new();

    /// <summary>Window in which attempts to sign in are counted; 1–3,600 s, 60 s unless set (<c>Bsp:Login:WindowSeconds</c>).</summary>
    public TimeSpan LoginWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Roles that must have a second factor in every organization, whatever it says itself (<c>Bsp:Login:SecondFactorRoles</c>); empty:
    /// each organization decides.
    /// </summary>
    public IReadOnlyList<string> SecondFactorRoles { get; init; } = [];

    /// <summary>How mails go out; null: none does.</summary>
    public MailOptions? Mail { get; init; }

    /// <summary>Proxies whose X-Forwarded-For is believed; empty: nobody's.</summary>
    public IReadOnlyList<System.Net.IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>
    /// After this long an unknown outcome of a send is closed; 5 s to 30 days, 24 h unless set (<c>Bsp:Sending:UnknownDeadlineSeconds</c>).
    /// </summary>
    public TimeSpan UnknownDeadline { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// What Meta calls 24 hours: the window of the messaging limit and the pause after its cap on a person; 10 s to 24 h, 24 h unless set
    /// (<c>Bsp:Sending:DaySeconds</c>). Only a trial shortens it.
    /// </summary>
    public TimeSpan SendingDay { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// An organization without a subscription sends nothing; false unless set (<c>Bsp:Billing:SubscriptionRequired</c>): then it is limited
    /// by its wallet alone.
    /// </summary>
    public bool SubscriptionRequired { get; init; }

    /// <summary>
    /// False: this process holds sending for all of them when it starts, until somebody resumes it (<c>Bsp:Sending:Enabled</c>).
    /// </summary>
    public bool SendingEnabled { get; init; } = true;

    /// <summary>
    /// The common queue in Redis; <c>messages</c>, as the specification has it, unless set (<c>Bsp:Queue:Name</c>). In a Redis Cluster
    /// <c>{messages}</c>, so that all its keys lie on one node.
    /// </summary>
    public string QueueName { get; init; } = "messages";

    /// <summary>Organizations that move between shards.</summary>
    public MoveOptions Moves { get; init; } = new();

    /// <summary>Apply schema files before serving.</summary>
    public bool MigrateAtStart { get; init; }

    /// <summary>
    /// Networks of our own to which customers' webhooks may go all the same, also without TLS (<c>Bsp:Webhooks:AllowedNetworks</c>); empty:
    /// the public Internet alone. For work on one machine.
    /// </summary>
    public IReadOnlyList<System.Net.IPNetwork> WebhookNetworks { get; init; } = [];

    /// <summary>AutoMapper's licence key; null: it runs without one (see docs/packages.md).</summary>
    public string? AutoMapperLicenseKey { get; init; }

    /// <summary>
    /// A replica of which it is not known that it is less behind is not read; 100 to 60,000 ms, 2,000 unless set (<c>Bsp:ReplicaLagMs</c>).
    /// </summary>
    public TimeSpan ReplicaLagMax { get; init; } = TimeSpan.FromSeconds(2);
}

/// <param name="Name">As stored in <c>bsp.directory_organizations.shard</c>: a range such as <c>A-M</c>, or <c>default</c>.</param>
/// <param name="Owner">Connection that may migrate; null: never migrated from here.</param>
/// <param name="App">Connection as <c>bsp_app</c>.</param>
public sealed record ShardOptions(string Name, string? Owner, string App)
{
    /// <summary>
    /// Past a pooler, as <c>bsp_app</c>: for connections that stay (writers, locks, listeners); null: <see cref="App"/> has none before it.
    /// </summary>
    public string? Direct { get; init; }

    /// <summary>Its streaming replica, as <c>bsp_app</c> (<c>Bsp:Replicas:&lt;shard&gt;</c>); null: there is none to read.</summary>
    public string? Replica { get; init; }
}

/// <summary>Moves between shards (<c>Bsp:Moves:*</c>).</summary>
public sealed record MoveOptions
{
    /// <summary>
    /// Longest that commands of the organization are refused before the switch; what would take longer is given up and tried again; 100 to
    /// 60,000 ms, 1,000 unless set (<c>Bsp:Moves:FreezeMs</c>).
    /// </summary>
    public TimeSpan FreezeMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>So long the log stays at the former shard; 0 to 2,592,000 s, a day unless set (<c>Bsp:Moves:KeepLogSeconds</c>).</summary>
    public TimeSpan KeepLog { get; init; } = TimeSpan.FromDays(1);
}

/// <summary>Meta's Graph API and the platform's own app.</summary>
public sealed record MetaOptions
{
    /// <summary>With the version, without a slash at the end.</summary>
    public required Uri BaseUrl { get; init; }

    /// <summary>Id of the platform's app, as the exchange of signup codes asks for it; null: nobody can be onboarded that way.</summary>
    public string? AppId { get; init; }

    /// <summary>
    /// Any of these may have signed a webhook (several during a rotation); empty: webhooks of the platform's app are refused.
    /// </summary>
    public IReadOnlyList<string> AppSecrets { get; init; } = [];

    /// <summary>What Meta must present in the webhook handshake; null: the handshake is refused.</summary>
    public string? VerifyToken { get; init; }

    /// <summary>
    /// How long one call may take; 1 to 60 s, 10 s unless set (<c>Bsp:Meta:TimeoutSeconds</c>). A send without an answer by then is of
    /// unknown outcome.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Token buckets; a bucket holds two seconds' worth.</summary>
public sealed record LimitOptions
{
    /// <summary>Requests a second of one API key, 1–100,000.</summary>
    public int KeyPerSecond { get; init; } = 100;

    /// <summary>Requests a second of one organization, all its keys together, 1–1,000,000.</summary>
    public int OrganizationPerSecond { get; init; } = 400;

    /// <summary>
    /// Requests of one organization that are carried out at the same time, 1–10,000; more wait, and beyond <see cref="WaitingMax"/> they
    /// are refused.
    /// </summary>
    public int OrganizationAtOnce { get; init; } = OrganizationAtOnceUsual;

    /// <summary>Two for each processor, at least four: one organization never fills all processors with its own work.</summary>
    public static int OrganizationAtOnceUsual => Math.Max(4, 2 * Environment.ProcessorCount);

    /// <summary>Requests of one organization that wait for their turn, at most.</summary>
    public const int WaitingMax = 256;

    /// <summary>
    /// Of the processors' time, what organizations that ask for much have together while others that ask for little are there, in percent,
    /// 1–100; 100: no bound. Source: docs/decisions/0260.
    /// </summary>
    public int BesideOthersPercent { get; init; } = 40;

    /// <summary>
    /// KB a second of webhooks that one organization's own app signs, 1–1,000,000, over ten seconds; beyond that Meta is told to come
    /// again. A thousand messages have one to two MB.
    /// </summary>
    public int OwnWebhookKbPerSecond { get; init; } = 2_048;

    /// <summary>Open event streams of one key or session, 1–10,000; one organization may have five times as many.</summary>
    public int StreamsPerCaller { get; init; } = 10;

    /// <summary>Downloads under way for one key or session, 1–1,000; one organization may have twice as many.</summary>
    public int DownloadsPerCaller { get; init; } = 2;

    /// <summary>Open connections of this process, 100–1,000,000; whoever comes beyond is turned away.</summary>
    public int Connections { get; init; } = 8_192;
}

/// <summary>
/// Connections of one process to one database, by what they are for (<c>Bsp:Pools:*</c>). Why so many: docs/decisions/0170.
/// </summary>
public sealed record PoolOptions
{
    /// <summary>Least of a pool: some commands hold one connection while they ask for another.</summary>
    public const int Min = 2;

    /// <summary>Most of a pool.</summary>
    public const int Max = 500;

    /// <summary>Meta's webhooks: the journal and what is made of it.</summary>
    public int Webhooks { get; init; } = 10;

    /// <summary>The driver of campaigns, the sender and its sweeper.</summary>
    public int Sending { get; init; } = 10;

    /// <summary>Calls that somebody waits for.</summary>
    public int People { get; init; } = 20;

    /// <summary>Projections, process managers, sweeps.</summary>
    public int Background { get; init; } = 14;

    /// <summary>Imports, exports, erasures.</summary>
    public int Bulk { get; init; } = 6;

    /// <summary>All of them.</summary>
    public int Sum => Webhooks + Sending + People + Background + Bulk;
}

/// <summary>
/// Files that are being taken in lie on the disk until they have come whole (<c>Bsp:Uploads:*</c>). Why so much: docs/decisions/0171.
/// </summary>
public sealed record UploadOptions
{
    /// <summary>Where they lie; null: below the system's directory for temporary files.</summary>
    public string? Directory { get; init; }

    /// <summary>MB of all together, 1–1,000,000.</summary>
    public int TotalMb { get; init; } = 4_096;

    /// <summary>MB of one organization's, 1–1,000,000.</summary>
    public int OrganizationMb { get; init; } = 2_048;

    /// <summary>Uploads of one organization at once, 1–1,000.</summary>
    public int OrganizationAtOnce { get; init; } = 4;

    /// <summary>Uploads at once, 1–10,000.</summary>
    public int AtOnce { get; init; } = 64;

    /// <summary>Seconds that one may take, 1–86,400.</summary>
    public int Seconds { get; init; } = 1_800;

    /// <summary>Bytes a second that one must send on average after its first ten seconds, 1–1,000,000,000.</summary>
    public int BytesPerSecondMin { get; init; } = 16_384;
}

/// <summary>Files that are sent and received (<c>Bsp:Media:*</c>).</summary>
public sealed record MediaOptions
{
    /// <summary>Where they lie without S3; unless set <c>bsp/objects</c> below the user's directory for data.</summary>
    public string Directory { get; init; } = Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "bsp",
        "objects");

    /// <summary>A bucket; null: the directory.</summary>
    public S3Options? S3 { get; init; }

    /// <summary>MB that one organization may have stored, 1–100,000,000.</summary>
    public int OrganizationMb { get; init; } = 10_240;

    /// <summary>Customers' files that one process fetches from Meta at once, 1–64.</summary>
    public int DownloadsAtOnce { get; init; } = 4;
}

/// <summary>A bucket of S3, or of what speaks its protocol (<c>Bsp:Media:S3:*</c>).</summary>
/// <param name="Endpoint">Null: Amazon's of the region.</param>
/// <param name="AccessKey">Null: as the environment says (variables, profile, the machine's role).</param>
/// <param name="Prefix">In front of every key; null: none.</param>
/// <param name="PathStyle">The bucket stands in the path, not in the host's name; so where an endpoint is given.</param>
public sealed record S3Options(string Bucket, string Region, Uri? Endpoint, string? AccessKey, string? SecretKey, string? Prefix,
    bool PathStyle);

/// <summary>Who pays for messages (<c>Bsp:Billing:Mode</c>).</summary>
public enum BillingMode
{
    /// <summary>Nobody: nothing is charged, held or refused.</summary>
    Off,

    /// <summary>Organizations that have a wallet; the others send as if there were no billing.</summary>
    Wallets,

    /// <summary>Everybody: without a wallet or without a rate card nothing is sent (402).</summary>
    Required,
}

/// <summary>Whether messages cost their senders anything (<c>Bsp:Billing:*</c>).</summary>
public sealed record BillingOptions
{
    /// <summary>Who pays. Turned on later, it begins with what is delivered from then on.</summary>
    public BillingMode Mode { get; init; } = BillingMode.Off;

    /// <summary>
    /// Wallet that an organization without one is charged in when everybody is (<c>Bsp:Billing:Currency</c>); ISO 4217, USD unless set.
    /// </summary>
    public string Currency { get; init; } = "USD";

    /// <summary>Loads the product's demo cards, whose prices are invented (<c>Bsp:Billing:DemoRates</c>).</summary>
    public bool DemoRates { get; init; }
}
