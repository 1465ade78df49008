using System.Net;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Bsp.Infrastructure.Configuration;

/// <summary>The configuration cannot be used.</summary>
/// <param name="faults">One sentence each.</param>
public sealed class ConfigurationFault(IReadOnlyList<string> faults) : Exception(string.Join(Environment.NewLine, faults))
{
    /// <summary>One sentence each.</summary>
    public IReadOnlyList<string> Faults { get; } = faults;
}

/// <summary>Reads <see cref="BspOptions"/> from <c>ConnectionStrings:*</c> and <c>Bsp:*</c>.</summary>
public static class BspConfiguration
{
    private const string DefaultMetaBaseUrl = "https://graph.facebook.com/v25.0";
    private const int MasterKeyBytes = 32;
    private const int PlatformKeyCharsMin = 16;

    /// <param name="development">The environment is Development: migrate at start unless told otherwise.</param>
    /// <exception cref="ConfigurationFault">Every fault at once.</exception>
    public static BspOptions Read(IConfiguration configuration, bool development)
    {
        var faults = new List<string>();
        var direct = configuration.GetConnectionString("DirectoryDirect");
        var pooled = configuration.GetConnectionString("Directory");
        var owner = configuration.GetConnectionString("DirectoryOwner") ?? direct ?? pooled;
        var (master, older) = MasterKeys(configuration, faults);
        var given = configuration.GetConnectionString("DirectoryApp");
        var directoryApp = AppConnection(given, pooled ?? owner, null, master, "ConnectionStrings:Directory", faults);
        var directoryDirect = direct is null ? null
            : AppConnection(null, direct, given is null ? null : directoryApp, master, "ConnectionStrings:DirectoryDirect", faults);
        var options = new BspOptions
        {
            DirectoryOwner = owner,
            DirectoryApp = directoryApp,
            DirectoryDirect = directoryDirect,
            Shards = Shards(configuration, new("default", owner, directoryApp) { Direct = directoryDirect },
                given is null ? null : directoryApp, master, faults),
            Redis = configuration.GetConnectionString("Redis"),
            Mongo = configuration.GetConnectionString("Mongo"),
            ClickHouse = configuration.GetConnectionString("ClickHouse"),
            PlatformKeySha256 = PlatformKey(configuration["Bsp:PlatformKey"], faults),
            MasterKey = master,
            OldMasterKeys = older,
            Meta = Meta(configuration, faults),
            Limits = new()
            {
                KeyPerSecond = Number(configuration, "Bsp:Limits:KeyPerSecond", 100, 1, 100_000, faults),
                OrganizationPerSecond = Number(configuration, "Bsp:Limits:OrganizationPerSecond", 400, 1, 1_000_000, faults),
                OrganizationAtOnce =
                Number(configuration, "Bsp:Limits:OrganizationAtOnce", LimitOptions.OrganizationAtOnceUsual, 1, 10_000, faults),
                BesideOthersPercent = Number(configuration, "Bsp:Limits:BesideOthersPercent", 40, 1, 100, faults),
                OwnWebhookKbPerSecond = Number(configuration, "Bsp:Limits:OwnWebhookKbPerSecond", 2_048, 1, 1_000_000, faults),
                StreamsPerCaller = Number(configuration, "Bsp:Limits:StreamsPerCaller", 10, 1, 10_000, faults),
                DownloadsPerCaller = Number(configuration, "Bsp:Limits:DownloadsPerCaller", 2, 1, 1_000, faults),
                Connections = Number(configuration, "Bsp:Limits:Connections", 8_192, 100, 1_000_000, faults),
            },
            Pools = RoomConfiguration.Pools(name => (int standard, int min, int max) =>
                Number(configuration, name, standard, min, max, faults)),
            Billing = new()
            {
                Mode = Choice(configuration, "Bsp:Billing:Mode", BillingMode.Off, faults),
                Currency = Currency(configuration["Bsp:Billing:Currency"], faults),
                DemoRates = Flag(configuration, "Bsp:Billing:DemoRates", false, faults),
            },
            Uploads = RoomConfiguration.Uploads(configuration["Bsp:Uploads:Directory"], name => (int standard, int min, int max) =>
                Number(configuration, name, standard, min, max, faults)),
            Media = MediaConfiguration.Read(configuration, name => (int standard, int min, int max) =>
                Number(configuration, name, standard, min, max, faults), faults),
            WebhookNetworks =
            [.. Parts(configuration["Bsp:Webhooks:AllowedNetworks"]).Select(text => Proxy(text, faults, "Bsp:Webhooks:AllowedNetworks"))],
            LoginWindow = TimeSpan.FromSeconds(Number(configuration, "Bsp:Login:WindowSeconds", 60, 1, 3_600, faults)),
            SecondFactorRoles = MailConfiguration.SecondFactorRoles(configuration, faults),
            Mail = MailConfiguration.Read(configuration, faults),
            TrustedProxies = [.. Parts(configuration["Bsp:TrustedProxies"]).Select(text => Proxy(text, faults))],
            UnknownDeadline =
            TimeSpan.FromSeconds(Number(configuration, "Bsp:Sending:UnknownDeadlineSeconds", 86_400, 5, 2_592_000, faults)),
            SendingDay = TimeSpan.FromSeconds(Number(configuration, "Bsp:Sending:DaySeconds", 86_400, 10, 86_400, faults)),
            QueueName = QueueName(configuration["Bsp:Queue:Name"], faults),
            ReplicaLagMax = TimeSpan.FromMilliseconds(Number(configuration, "Bsp:ReplicaLagMs", 2_000, 100, 60_000, faults)),
            Moves = new()
            {
                FreezeMax = TimeSpan.FromMilliseconds(Number(configuration, "Bsp:Moves:FreezeMs", 1_000, 100, 60_000, faults)),
                KeepLog = TimeSpan.FromSeconds(Number(configuration, "Bsp:Moves:KeepLogSeconds", 86_400, 0, 2_592_000, faults)),
            },
            SendingEnabled = Flag(configuration, "Bsp:Sending:Enabled", true, faults),
            SubscriptionRequired = Flag(configuration, "Bsp:Billing:SubscriptionRequired", false, faults),
            MigrateAtStart = Flag(configuration, "Bsp:MigrateAtStart", development || owner is not null, faults),
            AutoMapperLicenseKey = configuration["Bsp:AutoMapperLicenseKey"],
        };
        return faults.Count == 0 ? options : throw new ConfigurationFault(faults);
    }

    /// <summary>The password of <c>bsp_app</c>: derived, so that it needs no setting of its own and changes with the master key.</summary>
    public static string AppPassword(byte[] masterKey) => Convert.ToHexStringLower(HMACSHA256.HashData(masterKey, "bsp_app"u8));

    // With a second connection string, past a pooler, that one is the owner's, too: a migration needs a session.
    private static List<ShardOptions> Shards(IConfiguration configuration, ShardOptions alone, string? credentials, byte[] master,
        List<string> faults)
    {
        var shards = configuration.GetSection("Bsp:Shards").GetChildren().Select(child =>
        {
            var direct = configuration[$"Bsp:Direct:{child.Key}"];
            return new ShardOptions(child.Key, direct ?? child.Value,
                AppConnection(null, child.Value, credentials, master, $"Bsp:Shards:{child.Key}", faults))
            {
                Direct = direct is null ? null : AppConnection(null, direct, credentials, master, $"Bsp:Direct:{child.Key}", faults),
            };
        }).ToList();
        faults.AddRange(configuration.GetSection("Bsp:Direct").GetChildren().Where(d => shards.TrueForAll(s => s.Name != d.Key))
            .Select(d => $"Bsp:Direct:{d.Key} is given, and there is no Bsp:Shards:{d.Key}: name the shard, or leave it out."));
        var names = shards.Count > 0 ? shards.ConvertAll(s => s.Name) : [alone.Name];
        faults.AddRange(configuration.GetSection("Bsp:Replicas").GetChildren().Where(r => !names.Contains(r.Key))
            .Select(r => $"Bsp:Replicas:{r.Key} is given, and there is no shard of that name: there are {string.Join(", ", names)}."));
        return [.. (shards.Count > 0 ? shards : [alone]).Select(shard =>
            configuration[$"Bsp:Replicas:{shard.Name}"] is not { Length: > 0 } replica ? shard
                : shard with { Replica = AppConnection(null, replica, credentials, master, $"Bsp:Replicas:{shard.Name}", faults) })];
    }

    // Without a connection of its own the application takes the owner's, as bsp_app: with the credentials given for the directory, else
    // with the derived password.
    private static string AppConnection(string? given, string? owner, string? credentials, byte[] master, string name, List<string> faults)
    {
        if ((given ?? owner) is not { Length: > 0 } text)
        {
            faults.Add($"{name} is missing: give a PostgreSQL connection string such as 'Host=127.0.0.1;Database=bsp;Username=postgres'.");
            return "";
        }

        try
        {
            var builder = new NpgsqlConnectionStringBuilder(text);
            if (given is null)
            {
                var known = credentials is null ? null : new NpgsqlConnectionStringBuilder(credentials);
                builder.Username = known?.Username ?? "bsp_app";
                builder.Password = known?.Password ?? AppPassword(master);
            }

            return builder.ConnectionString;
        }
        catch (ArgumentException)
        {
            faults.Add($"{name} is not a PostgreSQL connection string.");
            return "";
        }
    }

    // From the environment, or from a file: the current key on its first line, older ones below; lines that begin with # are for people.
    private static (byte[] Current, byte[][] Older) MasterKeys(IConfiguration configuration, List<string> faults)
    {
        if (configuration["Bsp:MasterKeyFile"] is not { Length: > 0 } file)
        {
            return (MasterKey(configuration["Bsp:MasterKey"], "Bsp:MasterKey", faults),
                [.. Parts(configuration["Bsp:OldMasterKeys"]).Select(text => MasterKey(text, "Bsp:OldMasterKeys", faults))]);
        }

        if (configuration["Bsp:MasterKey"] is not null || configuration["Bsp:OldMasterKeys"] is not null)
        {
            faults.Add("Bsp:MasterKeyFile is given beside Bsp:MasterKey or Bsp:OldMasterKeys: leave one of them out.");
        }

        try
        {
            var lines = File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToList();
            return (MasterKey(lines.FirstOrDefault(), $"The first key of {file}", faults),
                [.. lines.Skip(1).Select(line => MasterKey(line, $"Each further key of {file}", faults))]);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            faults.Add($"Bsp:MasterKeyFile cannot be read: {fault.Message}");
            return (new byte[MasterKeyBytes], []);
        }
    }

    private static IPNetwork Proxy(string text, List<string> faults, string name = "Bsp:TrustedProxies")
    {
        if (IPNetwork.TryParse(text, out var network))
        {
            return network;
        }

        if (IPAddress.TryParse(text, out var address))
        {
            return new(address, address.GetAddressBytes().Length * 8);
        }

        faults.Add($"{name} must be addresses or networks such as 10.0.0.0/8, separated by commas; '{text}' is neither.");
        return default;
    }

    private static byte[] MasterKey(string? text, string name, List<string> faults)
    {
        var key = new byte[MasterKeyBytes];
        if (text is null || !Convert.TryFromBase64String(text.Trim(), key, out var length) || length != MasterKeyBytes)
        {
            faults.Add($"{name} must be base64 of {MasterKeyBytes} random bytes; 'openssl rand -base64 {MasterKeyBytes}' makes one.");
        }

        return key;
    }

    private static byte[] PlatformKey(string? text, List<string> faults)
    {
        if (text?.StartsWith("sha256:", StringComparison.Ordinal) == true && text.Length == 71 && text[7..].All(char.IsAsciiHexDigit))
        {
            return Convert.FromHexString(text[7..]);
        }

        if (text is not { Length: >= PlatformKeyCharsMin })
        {
            faults.Add($"Bsp:PlatformKey must be a secret of at least {PlatformKeyCharsMin} characters, or 'sha256:' and the hex SHA-256 of one.");
        }

        return SHA256.HashData(Encoding.UTF8.GetBytes(text ?? ""));
    }

    private static MetaOptions Meta(IConfiguration configuration, List<string> faults)
    {
        var text = (configuration["Bsp:Meta:BaseUrl"] ?? DefaultMetaBaseUrl).TrimEnd('/');
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            faults.Add("Bsp:Meta:BaseUrl must be an http or https address with the Graph version, such as " + DefaultMetaBaseUrl + ".");
            url = new Uri(DefaultMetaBaseUrl);
        }

        return new()
        {
            BaseUrl = url,
            AppId = AppId(configuration["Bsp:Meta:AppId"], faults),
            AppSecrets = AppSecrets(configuration["Bsp:Meta:AppSecret"], faults),
            VerifyToken = Shared(configuration["Bsp:Meta:VerifyToken"], "Bsp:Meta:VerifyToken", faults),
            Timeout = TimeSpan.FromSeconds(Number(configuration, "Bsp:Meta:TimeoutSeconds", 10, 1, 60, faults)),
        };
    }

    private static string? AppId(string? text, List<string> faults)
    {
        if (text is not null && (text.Length is 0 or > 32 || !text.All(char.IsAsciiDigit)))
        {
            faults.Add("Bsp:Meta:AppId must be the id of your Meta app, digits only: leave it out where there is none.");
        }

        return text;
    }

    // Absent: webhooks are refused. Given and empty is no way to say so: a signature under an empty key is anybody's.
    private static string[] AppSecrets(string? text, List<string> faults)
    {
        var secrets = text?.Split(',', StringSplitOptions.TrimEntries) ?? [];
        return [.. secrets.Select(secret => Shared(secret, "Bsp:Meta:AppSecret", faults)!)];
    }

    private static string? Shared(string? text, string name, List<string> faults)
    {
        if (text is not null && !SecretText.IsShared(text))
        {
            faults.Add($"{name} must have at least {SecretText.SharedCharsMin} characters without blanks, not all the same: leave it out where there is none.");
        }

        return text;
    }

    private static int Number(IConfiguration configuration, string name, int standard, int min, int max, List<string> faults)
    {
        if (configuration[name] is not { } text)
        {
            return standard;
        }

        if (!int.TryParse(text, out var value) || value < min || value > max)
        {
            faults.Add($"{name} must be a whole number from {min} to {max}.");
        }

        return value;
    }

    private static string QueueName(string? name, List<string> faults)
    {
        var bare = name is ['{', .. var inner, '}'] ? inner : name;
        if (bare is not null && (bare.Length is 0 or > 50 || !bare.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
        {
            faults.Add("Bsp:Queue:Name must be up to 50 letters, digits, - or _, in a Redis Cluster between braces: {messages}.");
        }

        return name ?? "messages";
    }

    private static string Currency(string? code, List<string> faults)
    {
        if (code is not null && !Domain.Common.Currencies.All.Contains(code))
        {
            faults.Add("Bsp:Billing:Currency must be a currency of ISO 4217, such as USD.");
        }

        return code ?? new BillingOptions().Currency;
    }

    private static T Choice<T>(IConfiguration configuration, string name, T standard, List<string> faults) where T : struct, Enum
    {
        if (configuration[name] is not { } text)
        {
            return standard;
        }

        if (!Enum.GetNames<T>().Contains(text, StringComparer.OrdinalIgnoreCase))
        {
            faults.Add($"{name} must be one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}.");
            return standard;
        }

        return Enum.Parse<T>(text, ignoreCase: true);
    }

    private static bool Flag(IConfiguration configuration, string name, bool standard, List<string> faults)
    {
        if (configuration[name] is not { } text)
        {
            return standard;
        }

        if (!bool.TryParse(text, out var value))
        {
            faults.Add($"{name} must be true or false.");
        }

        return value;
    }

    private static string[] Parts(string? text) =>
        text?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
