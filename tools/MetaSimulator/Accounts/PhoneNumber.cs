using System.Collections.Concurrent;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>A business phone number.</summary>
internal sealed class PhoneNumber(string id, string? token)
{
    /// <summary>Source: Meta, "Registering": ten calls per number in 72 hours.</summary>
    public const int RegistrationsMax = 10;

    /// <summary>Customers whose last message is remembered; a further one's window stays closed.</summary>
    public const int CustomersMax = 1_000_000;

    private readonly Lock _gate = new();
    private readonly Queue<DateTimeOffset> _registrations = new();
    private readonly ConcurrentDictionary<string, DateTimeOffset> _lastInbound = new();
    private int _customers;

    public string Id => id;

    /// <summary>The bearer token it was first used with; what counts once it belongs to a WABA are that one's tokens.</summary>
    public string? Token { get; set; } = token;

    /// <summary>Digits only, as in a webhook's metadata.</summary>
    public string Display { get; set; } = "1555" + Draw.Digits(id, 11, 7);

    public string VerifiedName { get; set; } = "Simulated business";

    /// <summary>Null until it is told or found out by a template that was sent through it.</summary>
    public string? LinkedWabaId { get; set; }

    /// <summary>The WABA in webhooks: the linked one, or one derived from the id.</summary>
    public string WabaId => LinkedWabaId ?? _derivedWabaId;

    public int? MpsLimit { get; set; }

    public TokenBucket Throughput { get; } = new();

    public bool Registered { get; private set; } = true;

    /// <summary>WhatsApp Business's app on a telephone uses it, too (coexistence).</summary>
    public bool OnBusinessApp { get; set; }

    public string NameStatus { get; set; } = "APPROVED";

    /// <summary>Successful and failed calls of register so far.</summary>
    public int RegisterCalls { get; private set; }

    public string? Pin { get; private set; }

    public string QualityRating { get; set; } = "GREEN";

    public Dictionary<string, string> Profile { get; } = [];

    private readonly string _derivedWabaId = "9" + Draw.Digits(id, 12, 14);

    /// <summary>Null when it is now registered.</summary>
    public GraphError? Register(string? pin, DateTimeOffset now)
    {
        lock (_gate)
        {
            while (_registrations.TryPeek(out var oldest) && now - oldest > TimeSpan.FromHours(72))
            {
                _registrations.Dequeue();
            }

            if (_registrations.Count >= RegistrationsMax)
            {
                return new(400, 133016, "Account register deregister rate limit exceeded",
                    "Registration or deregistration failed because there were too many attempts for this phone number in a short period of time");
            }

            _registrations.Enqueue(now);
            RegisterCalls++;
            if (pin is not { Length: 6 } || !pin.All(char.IsAsciiDigit))
            {
                return GraphError.Parameter("Param pin must be a 6-digit string");
            }

            if (Pin is not null && Pin != pin)
            {
                return new(400, 133005, "Two step verification PIN Mismatch", "The two-step verification PIN is incorrect.");
            }

            (Pin, Registered) = (pin, true);
            return null;
        }
    }

    public void Change(string? pin, bool registered, bool onBusinessApp)
    {
        lock (_gate)
        {
            (Pin, Registered, OnBusinessApp) = (pin, registered, onBusinessApp);
        }
    }

    public void Deregister() => Registered = false;

    public void ChangePin(string pin) => Pin = pin;

    /// <summary>Opens the customer-service window of this customer for 24 hours.</summary>
    public void CustomerWrote(string customer, DateTimeOffset now)
    {
        if (_lastInbound.TryGetValue(customer, out _))
        {
            _lastInbound[customer] = now;
        }
        else if (Volatile.Read(ref _customers) < CustomersMax && _lastInbound.TryAdd(customer, now))
        {
            Interlocked.Increment(ref _customers);
        }
    }

    public bool WindowIsOpen(string customer, DateTimeOffset now) =>
        _lastInbound.TryGetValue(customer, out var last) && now - last < TimeSpan.FromHours(24);

    public void Reset()
    {
        _lastInbound.Clear();
        _customers = 0;
        Throughput.Refill();
    }
}
